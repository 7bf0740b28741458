# ruff: noqa: E501
"""`python -m benchmarks.verdict`: builds the corpus, judges it, and prints error rates next to the baselines."""

import argparse
import logging
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.verdict.baselines import Runner, original, original_score
from benchmarks.verdict.case import Case
from benchmarks.verdict.corpus import Corpus, choose
from benchmarks.verdict.journal import Journal, Row
from benchmarks.verdict.packages import QUICK, make_patch, write_repository
from benchmarks.verdict.report import print_report
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.task import Task, TaskType
from nightcrew.validation.result_validator import ResultValidator, verdict_json
from nightcrew.validation.verdict import GateOutcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 where the error rates are within the promise, 1 where not."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("nightcrew").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", SyntaxWarning)
    if options.table:
        return print_report(_journal(options, "").rows(), [])
    cache: Path = options.cache
    cache.mkdir(parents=True, exist_ok=True)
    settings = Settings(home=cache / "home")
    sandbox = open_sandbox(SandboxKind.BUBBLEWRAP)
    corpus = Corpus(cache, settings, sandbox)
    cases = list(corpus.cases(options.packages))
    for name, reason in corpus.skipped.items():
        print(f"left out {name}: {reason}", file=sys.stderr)
    if options.kinds:
        cases = [case for case in cases if any(word in case.kind for word in options.kinds)]
    cases = choose(cases, options.cases)
    packages = len({case.subject.package for case in cases})
    print(f"{len(cases)} cases, {sum(case.good for case in cases)} of them good, from {packages} packages")
    runner = Runner(settings, sandbox) if options.baselines else None
    validator = ResultValidator(settings, sandbox)
    rows = _judged(cases, Judge(validator, runner, _journal(options, ""), corpus), options.workers)
    again = (
        _judged(cases, Judge(validator, None, _journal(options, ".again"), corpus), options.workers)
        if options.twice
        else []
    )
    print(f"{len(cases) - len(rows)} cases left out: they are not what their kind says")
    return print_report(rows, again)


def _journal(options: argparse.Namespace, suffix: str) -> Journal:
    out: Path | None = options.out
    path = out.with_name(out.name + suffix) if out is not None else None
    return Journal(path, accept_older=options.accept_older)


def _judged(cases: Sequence[Case], judge: "Judge", workers: int) -> list[Row]:
    with ThreadPoolExecutor(workers) as pool:
        return [row for row in pool.map(judge.row, cases) if row is not None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=420, help="at most this many cases, every kind among them"
    )
    parser.add_argument(
        "--packages", nargs="+", default=QUICK, help="instead of the thirteen quickest; any name works"
    )
    parser.add_argument(
        "--kinds", nargs="+", default=[], help="only kinds with one of these words in their name"
    )
    parser.add_argument("--workers", type=int, default=2, help="cases judged at the same time")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "nightcrew-benchmark")
    parser.add_argument("--baselines", action="store_true", help="also judge by the rules of others")
    parser.add_argument(
        "--twice", action="store_true", help="judge all again and compare verdicts and scores"
    )
    parser.add_argument("--out", type=Path, help="write one JSON line per case, and go on from what is there")
    parser.add_argument("--table", action="store_true", help="print what --out holds, and judge nothing")
    parser.add_argument(
        "--accept-older", action="store_true", help="take over what older code judged rightly"
    )
    return parser


class Judge:
    """Makes each case's repository, judges its change, and deletes the repository."""

    def __init__(
        self, validator: ResultValidator, baselines: Runner | None, journal: Journal, corpus: Corpus
    ) -> None:
        self.validator, self.baselines, self.journal, self.corpus = validator, baselines, journal, corpus

    def row(self, case: Case) -> Row | None:
        """The outcome of one case, from the journal where it is there; None where the label does not hold."""
        known = self.journal.known(case)
        if known is not None and (self.baselines is None or "baselines" in known or not _has_rules(case)):
            return known
        if not self.corpus.is_what_it_says(case):
            return None
        folder = Path(tempfile.mkdtemp(prefix="case-"))
        try:
            repo = folder / "repo"
            commit = write_repository(repo, case.subject, case.base)
            row = known or self._verdict(case, repo, commit)
            if self.baselines is not None and _has_rules(case):
                facts = self.journal.baselines(case) or self._baselines(case, repo, folder)
                row = {**row, "baselines": facts}
            return self.journal.write(case, row)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _verdict(self, case: Case, repo: Path, commit: str) -> Row:
        patch = case.raw if case.raw is not None else make_patch(repo, case.change)
        wanted = {"description": "benchmark", "repo": str(repo), "task_type": case.task_type}
        task = Task.model_validate({**wanted, "target_file": case.subject.target})
        started = time.monotonic()
        verdict = self.validator.judge(task, patch, commit=commit)
        return {
            "case": case.name, "kind": case.kind, "good": case.good, "verdict": verdict.kind.value,
            "score": verdict.score, "seconds": round(time.monotonic() - started, 2),
            "gate": next((one.name for one in verdict.gates if one.outcome is not GateOutcome.PASS), ""),
            "asks": verdict.asks,
            "why": verdict.feedback or verdict.summary, "gates": verdict_json(verdict)["gates"],
        }  # fmt: skip

    def _baselines(self, case: Case, repo: Path, folder: Path) -> Row:
        assert self.baselines is not None
        text = case.change.get(case.subject.tests)
        facts: Row = {"original": text is not None and original(case.subject.tests, text)}
        facts["original score"] = original_score(text or "")
        if case.raw is not None or text is None:
            return facts | {"passes": False, "coverage rises": False, "rises, five times": False}
        tree = folder / "tree"
        shutil.copytree(repo, tree, ignore=shutil.ignore_patterns(".git"))
        for path, content in case.change.items():
            if content is None:
                (tree / path).unlink()
            else:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(content, errors="surrogateescape")
        name = repr((case.subject.package, case.subject.target, sorted(case.base.items())))
        return {**facts, **self.baselines.accepts(name, repo, tree, case.subject.tests, case.subject.target)}


def _has_rules(case: Case) -> bool:
    """True for cases of tests: the baselines' rules judge only tests."""
    return case.task_type is TaskType.UNIT_TEST


if __name__ == "__main__":
    sys.exit(main())
