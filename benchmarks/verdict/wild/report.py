# ruff: noqa: E501
"""The table of a run: answers by kind and project, with 95 % intervals, and every wrong answer."""

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.verdict.report import wilson
from benchmarks.verdict.wild.judging import Answer

MOST_FALSE_ACCEPTS, MOST_FALSE_REJECTS, MOST_ASKED, MOST_UNFIT = 0.02, 0.05, 0.25, 0.10

type Rows = Sequence[Mapping[str, Any]]


def print_report(rows: Rows, again: Rows) -> int:
    """Print everything; 0 where the promise is kept."""
    _table("kind", rows, lambda row: str(row["kind"]))
    _table("project", rows, lambda row: str(row["project"]))
    good, bad = [row for row in rows if row["good"]], [row for row in rows if not row["good"]]
    firsts = _first_tries(good)
    unfit = sum(_is(row, Answer.NOT_MEASURABLE, Answer.FAULT) for row in firsts)
    measured = [row for row in good if not _is(row, Answer.NOT_MEASURABLE, Answer.FAULT)]
    asked = sum(_is(row, Answer.PERSON, Answer.MORE_TESTS) for row in measured)
    false_accepts = sum(_is(row, Answer.ACCEPTED) for row in bad)
    false_rejects = sum(_is(row, Answer.REJECTED) for row in measured)
    figures = (
        ("false accepts (of the bad)", false_accepts, len(bad)),
        ("bad ones sent to a person", sum(_is(row, Answer.PERSON) for row in bad), len(bad)),
        ("false rejects (of the good that were measured)", false_rejects, len(measured)),
        ("good ones sent to a person", sum(_is(row, Answer.PERSON) for row in measured), len(measured)),
        (
            "good ones asked for one more test",
            sum(_is(row, Answer.MORE_TESTS) for row in measured),
            len(measured),
        ),
        ("good ones not measurable", len(good) - len(measured), len(good)),
        ("projects not judged on the first try", unfit, len(firsts)),
    )
    print()
    for name, count, total in figures:
        print(f"{name:50} {share(count, total)}")
    _print_times(rows)
    _print_wrong(rows)
    same = _print_again(rows, again)
    within = (
        false_accepts <= MOST_FALSE_ACCEPTS * len(bad) and false_rejects <= MOST_FALSE_REJECTS * len(measured)
        and asked <= MOST_ASKED * len(measured) and unfit <= MOST_UNFIT * len(firsts)
    )  # fmt: skip
    return 0 if within and same else 1


def share(count: int, total: int) -> str:
    """`3 of 100 = 3.0 % (1.0 to 8.5)`, Wilson's 95 % interval."""
    low, high = wilson(count, total)
    return f"{count:>4} of {total:>4} = {count / max(total, 1):6.1%}  ({low:.1%} to {high:.1%})"


# ---------------------------------------------------------------------------------------------------------


def _is(row: Mapping[str, Any], *answers: Answer) -> bool:
    return row["answer"] in {answer.value for answer in answers}


def _table(heading: str, rows: Rows, name_of: Callable[[Mapping[str, Any]], str]) -> None:
    words = [answer.value for answer in Answer]
    print(f"\n{heading:48} {'n':>4} " + " ".join(f"{word[:14]:>14}" for word in words))
    groups: dict[tuple[bool, str], Counter[str]] = {}
    for row in rows:
        groups.setdefault((not row["good"], name_of(row)), Counter())[row["answer"]] += 1
    for (is_bad, name), counts in sorted(groups.items()):
        label = name if heading == "kind" else f"{'bad ' if is_bad else 'good'} {name}"
        cells = " ".join(f"{counts[word] or '-':>14}" for word in words)
        print(f"{label[:48]:48} {counts.total():>4} {cells}")


def _first_tries(good: Rows) -> list[Mapping[str, Any]]:
    """Each project's first good change, with the suite it needs: documents can be judged anywhere."""
    first: dict[str, Mapping[str, Any]] = {}
    for row in good:
        if row["type"] != "documentation":
            first.setdefault(row["project"], row)
    return list(first.values())


def _print_times(rows: Rows) -> None:
    for name in ("cpu", "wall"):
        seconds = sorted(float(row[name]) for row in rows) or [0.0]
        last = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
        print(f"{name} seconds per verdict: median {statistics.median(seconds):.1f}, p95 {last:.1f}")


def _print_wrong(rows: Rows) -> None:
    for row in rows:
        wrong = row["answer"] == "accepted" if not row["good"] else row["answer"] != "accepted"
        if wrong:
            print(f"\n{'WRONG' if not row['good'] or _is(row, Answer.REJECTED) else 'asked'} {row['key']}: "
                  f"{row['answer']} by {row['gate'] or 'nothing'}: {' '.join(row['why'].split())[:400]}")  # fmt: skip


def _print_again(rows: Rows, again: Rows) -> bool:
    second = {row["key"]: row for row in again}
    both = [(row, second[row["key"]]) for row in rows if row["key"] in second]
    other = [
        (one, two) for one, two in both if (one["answer"], one["score"]) != (two["answer"], two["score"])
    ]
    if both:
        print(f"\nthe same verdict twice: {len(both) - len(other)} of {len(both)}")
    for one, two in other:
        print(f"OTHER {one['key']}: {one['answer']} {one['score']}, then {two['answer']} {two['score']}")
    return not other
