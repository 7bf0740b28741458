# ruff: noqa: E501
"""`python -m benchmarks.verdict.wild CLONES...`: judges real changes of real projects, and bad ones made of them.

CLONES are folders of git clones, called `owner+name`. For projects that `corpus.csv` lists, the listed commits are
used; for others the history is mined. All results are stored in `--work`, so that a run continues where the last
one stopped; the same code does not judge a case again.
"""

import argparse
import csv
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TextIO

from benchmarks.verdict.journal import code_digest
from benchmarks.verdict.wild.case import Case, Good
from benchmarks.verdict.wild.clones import Clone
from benchmarks.verdict.wild.deriving import Deriver
from benchmarks.verdict.wild.judging import judge
from benchmarks.verdict.wild.mining import Kind, Mined, counted_paths
from benchmarks.verdict.wild.plain_room import PlainRoom
from benchmarks.verdict.wild.report import print_report
from benchmarks.verdict.wild.sifting import Sifter

LIST = Path(__file__).with_name("corpus.csv")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 where the figures are within the promise, 1 where not."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    warnings.simplefilter("ignore")
    work: Path = options.work.resolve()
    room = PlainRoom(work)
    clones = [Clone.at(path) for path in options.clones if path.is_dir()]
    if options.projects:
        clones = [one for one in clones if any(word in one.name for word in options.projects)]
    sifter = Sifter(room, work / "cases.jsonl")
    cases = _cases(options, sifter, Deriver(room, work / "bad.jsonl"), clones)
    rows = _judged(cases, clones, work, options, "verdicts.jsonl")
    again = _judged([case for case, _ in rows], clones, work, options, "again.jsonl") if options.twice else []
    return print_report([row for _, row in rows], [row for _, row in again])


def _cases(
    options: argparse.Namespace, sifter: Sifter, deriver: Deriver, clones: Sequence[Clone]
) -> Iterator[Case]:
    """The good cases, then as many bad ones made of them; `--kinds` and `--limit` apply to both."""
    by_name = {clone.name: clone for clone in clones}
    found = sifter.good if options.known else sifter.sift(clones, {} if options.mine else _listed(clones))
    labels = (one for one in found if one.holds and one.mined.project in by_name)
    all_goods = (Good(by_name[one.mined.project], one) for one in labels)
    goods = [*islice((one for one in all_goods if one.clone.is_whole(one.parent)), options.limit)]
    if options.write_list:
        _write_list([good.label.mined for good in goods])
    for good in goods:
        if _is_wanted(f"good: {good.kind}", options.kinds):
            yield deriver.good(good)
    deriver.faults = tuple(one for one in deriver.faults if _is_wanted(f"bad: {one.name}", options.kinds))
    yield from deriver.many(goods, options.bad if options.bad is not None else len(goods))


def _judged(cases: Iterator[Case] | Sequence[Case], clones: Sequence[Clone], work: Path, options: argparse.Namespace,
            name: str) -> list[tuple[Case, dict[str, Any]]]:  # fmt: skip
    """Rows from the journal where the same code made them, else from a judge in a process of its own."""
    path, code = work / name, code_digest()
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    known = {row["key"]: row for row in lines if row["code"] == code or options.any_code}
    folders = {clone.name: clone.folder for clone in clones}
    rows: list[tuple[Case, dict[str, Any]]] = []
    context = get_context("spawn")
    with (
        ProcessPoolExecutor(options.workers, mp_context=context, max_tasks_per_child=20) as pool,
        path.open("a") as file,
    ):
        waiting: dict[Future[dict[str, Any]], Case] = {}
        for case in cases:
            if case.key in known:
                rows.append((case, known[case.key]))
            elif not options.table:
                waiting[pool.submit(judge, case, folders[case.project], work / "home")] = case
            if len(waiting) > options.workers:
                ended = wait(waiting, return_when=FIRST_COMPLETED).done
                rows += [_kept(waiting.pop(verdict), verdict.result(), file) for verdict in ended]
        rows += [_kept(waiting[verdict], verdict.result(), file) for verdict in as_completed(waiting)]
    return rows


def _kept(case: Case, row: dict[str, Any], file: TextIO) -> tuple[Case, dict[str, Any]]:
    file.write(json.dumps(row) + "\n")
    file.flush()
    print(f"{row['answer']:14} {row['cpu']:6.1f} s  {row['key']}", file=sys.stderr, flush=True)
    return case, row


def _listed(clones: Sequence[Clone]) -> dict[str, list[Mined]]:
    by_name = {clone.name: clone for clone in clones}
    listed: dict[str, list[Mined]] = {}
    with LIST.open() as file:
        for row in csv.DictReader(file):
            clone = by_name.get(row["project"])
            if clone is not None and clone.has(row["commit"]):
                paths = counted_paths(clone.step(row["commit"]))
                listed.setdefault(clone.name, []).append(
                    Mined(clone.name, Kind(row["kind"]), row["commit"], paths)
                )
    return listed


def _write_list(mined: Sequence[Mined]) -> None:
    with LIST.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["project", "kind", "commit"])
        table.writerows(sorted((one.project, one.kind.value, one.commit) for one in mined))


def _is_wanted(kind: str, words: Sequence[str]) -> bool:
    return not words or any(word in kind for word in words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict.wild", description=__doc__)
    parser.add_argument("clones", nargs="+", type=Path, help="folders of git clones, called owner+name")
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "nightcrew-wild")
    parser.add_argument("--limit", type=int, default=300, help="at most this many real changes")
    parser.add_argument("--bad", type=int, help="that many bad ones; as many as real ones without it")
    parser.add_argument(
        "--kinds", nargs="+", default=[], help="only kinds with one of these words in their name"
    )
    parser.add_argument("--projects", nargs="+", default=[], help="only projects with one of these words")
    parser.add_argument("--workers", type=int, default=1, help="cases judged at the same time")
    parser.add_argument("--mine", action="store_true", help="mine histories, whatever the list says")
    parser.add_argument("--known", action="store_true", help="only what was labelled before; nothing new")
    parser.add_argument("--write-list", action="store_true", help="make what was found the list")
    parser.add_argument("--twice", action="store_true", help="judge all again and compare")
    parser.add_argument("--table", action="store_true", help="print what was judged, and judge nothing")
    parser.add_argument(
        "--any-code", action="store_true", help="take over the verdicts of other versions of the code"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
