# ruff: noqa: E501
"""`python -m benchmarks.verdict`: build the corpus, judge it, print error rates and the baselines beside them."""

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.verdict.baselines import Runner, original, original_score
from benchmarks.verdict.case import Case
from benchmarks.verdict.corpus import Corpus, choose
from benchmarks.verdict.packages import PACKAGES, make_patch, write_repository
from benchmarks.verdict.report import print_report
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.task import Task, TaskCategory
from nightcrew.validation.result_validator import ResultValidator, verdict_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 where the error rates are within the promise, 1 where not."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("nightcrew").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", SyntaxWarning)
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
    print(
        f"{len(cases)} cases from {len({case.subject.package for case in cases})} packages", file=sys.stderr
    )
    judge = Judge(settings, Runner(settings, sandbox) if options.baselines else None)
    judge.validator = ResultValidator(settings, sandbox)
    with ThreadPoolExecutor(options.workers) as pool:
        rows = list(_kept(pool.map(judge.row, cases), options.out))
        again = list(pool.map(judge.row, cases)) if options.twice else []
    return print_report(rows, again)


def _kept(rows: Iterable[dict[str, Any]], out: Path | None) -> Iterator[dict[str, Any]]:
    """The rows, written down one by one as they come."""
    if out is not None:
        out.write_text("")
    for row in rows:
        if out is not None:
            with out.open("a") as file:
                file.write(json.dumps(row) + "\n")
        yield row


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=100_000, help="at most this many cases, every kind among them"
    )
    parser.add_argument(
        "--packages", nargs="+", default=sorted(PACKAGES), help="only these packages (any name works)"
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
    parser.add_argument("--out", type=Path, help="write one JSON line per case")
    return parser


class Judge:
    """Makes each case's repository, judges its change, throws the repository away."""

    validator: ResultValidator

    def __init__(self, settings: Settings, baselines: Runner | None) -> None:
        self.settings, self.baselines = settings, baselines

    def row(self, case: Case) -> dict[str, Any]:
        """The outcome of one case."""
        folder = Path(tempfile.mkdtemp(prefix="case-"))
        try:
            return self._row(case, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _row(self, case: Case, folder: Path) -> dict[str, Any]:
        repo = folder / "repo"
        commit = write_repository(repo, case.subject, case.base)
        patch = case.raw if case.raw is not None else make_patch(repo, case.change)
        wanted = {"description": "benchmark", "repo": str(repo), "task_type": case.task_type}
        task = Task.model_validate({**wanted, "target_file": case.subject.target})
        started = time.monotonic()
        verdict = self.validator.judge(task, patch, commit=commit)
        seconds = time.monotonic() - started
        row: dict[str, Any] = {
            "case": case.name, "kind": case.kind, "good": case.good, "verdict": verdict.kind.value,
            "score": verdict.score, "seconds": round(seconds, 2), "gate": verdict.gates[-1].name if verdict.gates else "",
            "why": verdict.feedback or verdict.summary, "gates": verdict_json(verdict)["gates"],
        }  # fmt: skip
        text = case.change.get(case.subject.tests)
        if self.baselines is not None and case.task_type is TaskCategory.UNIT_TEST:
            row["baselines"] = self._baselines(case, repo, folder, text)
        return row

    def _baselines(self, case: Case, repo: Path, folder: Path, text: str | None) -> dict[str, Any]:
        assert self.baselines is not None
        told: dict[str, Any] = {"original": text is not None and original(case.subject.tests, text)}
        told["original score"] = original_score(text or "")
        if case.raw is not None or text is None:
            return told | {"passes": False, "coverage rises": False, "rises, five times": False}
        tree = folder / "tree"
        shutil.copytree(repo, tree, ignore=shutil.ignore_patterns(".git"))
        for path, content in case.change.items():
            if content is None:
                (tree / path).unlink()
            else:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(content, errors="surrogateescape")
        return {**told, **self.baselines.accepts(repo, tree, case.subject.tests, case.subject.target)}


if __name__ == "__main__":
    sys.exit(main())
