"""Labels candidates of many projects, in turns, and stores the labels in a file, to make each only once."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.verdict.wild.clones import Clone
from benchmarks.verdict.wild.labels import Label, label
from benchmarks.verdict.wild.mining import Kind, Mined, mine
from benchmarks.verdict.wild.plain_room import PlainRoom

TRIED = {Kind.FIX: 8, Kind.FEATURE: 2, Kind.TESTS: 4, Kind.DOCUMENTATION: 4, Kind.REFACTORING: 3}
"""How many candidates of a kind are tried in one project."""
_CANNOT = {"cannot be installed", "its tests do not come to their end"}
_UNFIT = 3  # a project is skipped after this many candidates in a row that cannot be installed or run


class Sifter:
    """Labels by key, in a file of JSON lines."""

    def __init__(self, room: PlainRoom, path: Path) -> None:
        self.room, self.path = room, path
        self._known: dict[str, Label] = {}
        if path.is_file():
            found = [_label(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]
            self._known = {one.mined.key: one for one in found}

    @property
    def good(self) -> list[Label]:
        """All labels that hold."""
        return [one for one in self._known.values() if one.holds]

    def label(self, clone: Clone, mined: Mined) -> Label:
        """The label, from the file where it is there."""
        key = mined.key
        if key not in self._known:
            try:
                found = label(self.room, clone, mined)
            except subprocess.CalledProcessError as error:  # a file that the clone lacks
                found = Label(mined, False, f"git: {error.stderr.decode(errors='replace').strip()[-100:]}")
            self._known[key] = found
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, **asdict(found)}) + "\n")
        return self._known[key]

    def sift(self, clones: Sequence[Clone], listed: Mapping[str, Sequence[Mined]]) -> Iterator[Label]:
        """Labels of what is `listed` for a project, else of what its history has; projects in turns."""
        waiting = {clone: iter(listed.get(clone.name) or _tried(clone)) for clone in clones}
        unfit = dict.fromkeys(waiting, 0)
        while waiting:
            for clone in list(waiting):
                one = next(waiting[clone], None)
                if one is None or (unfit[clone] >= _UNFIT and one.kind is not Kind.DOCUMENTATION):
                    del waiting[clone]
                    continue
                judged = self.label(clone, one)
                if one.kind is not Kind.DOCUMENTATION:
                    unfit[clone] = unfit[clone] + 1 if judged.why in _CANNOT else 0
                yield judged


# ---------------------------------------------------------------------------------------------------------


def _tried(clone: Clone) -> Iterator[Mined]:
    left = dict(TRIED)
    for one in mine(clone, max(TRIED.values())):
        if left[one.kind]:
            left[one.kind] -= 1
            yield one


def _label(judged: Mapping[str, Any]) -> Label:
    mined = dict(judged["mined"])
    kind, paths = Kind(mined.pop("kind")), tuple(mined.pop("paths"))
    return Label(
        Mined(kind=kind, paths=paths, **mined), judged["holds"], judged["why"], tuple(judged["shown"])
    )
