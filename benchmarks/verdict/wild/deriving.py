# ruff: noqa: E501
"""Cases from labels: each real change as it is, and the bad ones that can be made of it, in a fixed order."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.verdict.wild import bad_tests, bad_words, beside, careless, excused, unlike, wrong_fixes
from benchmarks.verdict.wild.case import TYPES, Case, Change, Fault, Good
from benchmarks.verdict.wild.labels import passes
from benchmarks.verdict.wild.mining import Kind
from benchmarks.verdict.wild.plain_room import PlainRoom

TRIED_IN_A_TURN = 3
MOST_NAMED = 40  # tests that one command names
MOST_OF_A_CHANGE = 3  # bad changes made of the same real change
MOST_PLACES = 5  # of one change where a fault is tried


class Deriver:
    """Makes cases; it runs each bad one's tests once and stores in a file whether they pass."""

    def __init__(self, room: PlainRoom, path: Path) -> None:
        self.room, self.path = room, path
        self.faults = (
            *wrong_fixes.faults(room), *beside.FAULTS, *excused.FAULTS, *unlike.FAULTS, *careless.FAULTS,
            *bad_tests.FAULTS, *bad_words.FAULTS,
        )  # fmt: skip
        self._known: dict[str, int | None] = {}  # the first that its tests do not notice
        if path.is_file():
            rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
            self._known = {one["key"]: one.get("place", 0) if one["usable"] else None for one in rows}

    def good(self, good: Good) -> Case:
        """The real change."""
        return self._case(good, f"good: {good.kind}", True, good.change)

    def bad(self, good: Good, fault: Fault) -> Case | None:
        """A bad case of a kind; None where it cannot be made of this change, or its own tests notice it."""
        key = f"{good.label.mined.key}:{fault.name}"
        if good.kind not in fault.of or (key in self._known and self._known[key] is None):
            return None
        changes = [*islice(fault.made(good), MOST_PLACES)]
        if key not in self._known:
            places = (at for at, change in enumerate(changes) if self._is_usable(good, fault, change))
            place = self._known[key] = next(places, None)
            row = {"key": key, "usable": place is not None, "place": place}
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        found = self._known[key]
        return None if found is None else self._case(good, f"bad: {fault.name}", False, changes[found])

    def many(self, goods: Sequence[Good], count: int) -> Iterator[Case]:
        """`count` bad cases, kinds in turns, projects spread; the same real changes give the same cases."""
        used: dict[str, int] = {}
        waiting = {fault.name: _in_no_order(goods, fault.name) for fault in self.faults}
        while any(waiting.values()):
            for fault in self.faults:
                # A few a turn: a kind that fits almost nowhere must not keep the others waiting.
                for _ in range(min(TRIED_IN_A_TURN, len(waiting[fault.name]))):
                    good = waiting[fault.name].pop(0)
                    if count <= 0:
                        return
                    if used.get(good.label.mined.key, 0) >= MOST_OF_A_CHANGE * (1 + count // 400):
                        continue
                    case = self.bad(good, fault)
                    if case is not None:
                        used[good.label.mined.key] = used.get(good.label.mined.key, 0) + 1
                        count -= 1
                        yield case
                        break

    def _is_usable(self, good: Good, fault: Fault, change: Change) -> bool:
        if not fault.passes:
            return True
        tests, shown = good.tests, good.label.shown
        if good.kind is Kind.TESTS:
            tests, shown = tuple(path for path in change if path.endswith(".py")), ()
        return passes(self.room, good.clone, good.parent, change, tests, shown)

    def _case(self, good: Good, kind: str, is_good: bool, change: Change) -> Case:
        step = good.clone.step(good.label.mined.commit)
        patch = good.clone.patch(good.parent, change, self.room.patches(good.clone))
        acceptance = _command(good) if good.kind is Kind.FEATURE else None
        instruction = f"{step.subject}\n\n{step.body}".strip()[:2000]
        return Case(good.clone.name, good.label.mined.commit, kind, is_good, TYPES[good.kind], good.parent, good.target,
                    instruction if len(instruction) >= 3 else f"change {instruction}", acceptance, patch)  # fmt: skip


def _command(good: Good) -> str:
    """The acceptance command of a user: the tests that show the feature; others may fail here. The options of
    the project's own configuration may need plugins that have no version for this Python."""
    named: set[str] = set()
    for shown in good.label.shown:
        holder, _, name = shown.partition("::")
        for path in good.tests:
            module = path.removesuffix(".py").replace("/", ".")
            if holder == module or holder.startswith(f"{module}."):
                classes = holder[len(module) :].replace(".", "::")
                named.add(f"{path}{classes}::{name.split('[')[0]}")
    return f"python -m pytest -o addopts= {shlex.join(sorted(named)[:MOST_NAMED] or good.tests)}"


def _in_no_order(goods: Sequence[Good], name: str) -> list[Good]:
    """An order that is the same each time and differs between kinds."""

    def chance(good: Good) -> str:
        return hashlib.sha256(f"{good.label.mined.key}:{name}".encode()).hexdigest()

    return sorted(goods, key=chance)
