# ruff: noqa: E501
"""The table: accept and reject rates per kind with intervals, times, and the baselines."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

MOST_FALSE_ACCEPTS, MOST_FALSE_REJECTS = 0.01, 0.03
RULES = ("original", "passes", "coverage rises", "rises, five times")


def print_report(rows: Sequence[dict[str, Any]], again: Sequence[dict[str, Any]]) -> int:
    """Print everything; 0 where the promise is kept."""
    with_baselines = any("baselines" in row for row in rows)
    heading = f"{'kind':44} {'n':>4} {'nightcrew':>10}"
    print(heading + ("".join(f" {rule:>18}" for rule in RULES) if with_baselines else ""))
    for kind in sorted({row["kind"] for row in rows}, key=lambda kind: (not kind.startswith("good"), kind)):
        _line(kind, [row for row in rows if row["kind"] == kind], with_baselines)
    good, bad = [row for row in rows if row["good"]], [row for row in rows if not row["good"]]
    _line("all good", good, with_baselines)
    _line("all bad", bad, with_baselines)
    false_accepts, false_rejects = sum(map(_accepted, bad)), sum(not _accepted(row) for row in good)
    print(
        f"\nfalse accepts {_share(false_accepts, len(bad))}\nfalse rejects {_share(false_rejects, len(good))}"
    )
    seconds = sorted(row["seconds"] for row in rows) or [0.0]
    full = sorted(row["seconds"] for row in rows if _accepted(row)) or [0.0]
    print(f"seconds per verdict: median {statistics.median(seconds):.1f}, p95 {_percentile(seconds, 0.95):.1f}; "
          f"accepted ones: median {statistics.median(full):.1f}, p95 {_percentile(full, 0.95):.1f}")  # fmt: skip
    for row in rows:
        if _accepted(row) != row["good"]:
            print(
                f"WRONG {row['case']}: {row['verdict']} {row['score']:.2f} by {row['gate']}: {row['why'][:300]}"
            )
    codes = Counter(row["code"] for row in rows)
    if len(codes) > 1:
        print(
            "judged by versions of the code:", ", ".join(f"{code} {count}" for code, count in codes.items())
        )
    same = _same(rows, again)
    kept = false_accepts <= MOST_FALSE_ACCEPTS * max(
        len(bad), 1
    ) and false_rejects <= MOST_FALSE_REJECTS * max(len(good), 1)
    return 0 if kept and same else 1


def _line(kind: str, rows: Sequence[dict[str, Any]], with_baselines: bool) -> None:
    text = f"{kind:44} {len(rows):>4} {sum(map(_accepted, rows)):>10}"
    if with_baselines:
        for rule in RULES:
            judged = [row["baselines"][rule] for row in rows if "baselines" in row]
            text += f" {f'{sum(judged)}/{len(judged)}' if judged else '-':>18}"
    print(text)


def _accepted(row: dict[str, Any]) -> bool:
    return bool(row["verdict"] == "accepted")


def _share(count: int, total: int) -> str:
    low, high = wilson(count, total)
    return f"{count} of {total} = {count / max(total, 1):.1%} (95 % interval {low:.1%} to {high:.1%})"


def wilson(count: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, count / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (middle - spread) / (1 + z * z / total)), min(
        1.0, (middle + spread) / (1 + z * z / total)
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _same(rows: Sequence[dict[str, Any]], again: Sequence[dict[str, Any]]) -> bool:
    different = [
        (first["case"], first["verdict"], first["score"], second["verdict"], second["score"])
        for first, second in zip(rows, again, strict=False)
        if (first["verdict"], first["score"]) != (second["verdict"], second["score"])
    ]
    if again:
        print(f"judged twice: {len(different)} of {len(rows)} differ")
        for line in different:
            print("DIFFERS", *line)
    return not different
