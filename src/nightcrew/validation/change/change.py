"""A patch as data: its entry for each file, and the files' texts after it is applied.

Nothing here reads or writes a disk or starts another program, so the gates read exactly what is written to
the clean room.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from nightcrew.untrusted import NotPython, Unreadable, parse_python


class PatchRefused(Exception):
    """The patch cannot be judged in this form; the message says why."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: the lines that must be at `start`, counted from 1, and the lines that replace them."""

    start: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A patch's entry for one file; a missing path means that the file does not exist on that side."""

    old_path: str | None
    new_path: str | None
    hunks: tuple[Hunk, ...]
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after; None where it does not exist on that side."""

    path: str
    before: str | None
    after: str | None
    executable: bool = False

    @property
    def is_new(self) -> bool:
        """True where base does not have the file."""
        return self.before is None


def apply_patch(files: tuple[FileDiff, ...], read: Callable[[str], str | None]) -> tuple[Change, ...]:
    """Every changed file's text before and after; `read` returns base's text of a path, or None where the
    file does not exist.

    Raises:
        PatchRefused: a hunk does not fit, a new file exists already, an old one does not.
    """
    changes: dict[str, Change] = {}
    for file in files:
        old = None if file.old_path is None else read(file.old_path)
        if file.old_path is not None and old is None:
            raise PatchRefused(f"{file.old_path} does not exist on base")
        if file.new_path is not None and file.new_path != file.old_path and read(file.new_path) is not None:
            raise PatchRefused(f"{file.new_path} exists on base already, the patch says it is new")
        new = None if file.new_path is None else _patched(old or "", file)
        if file.old_path is not None and file.old_path != file.new_path:
            changes[file.old_path] = Change(file.old_path, old, None)
        if file.new_path is not None:
            before = old if file.new_path == file.old_path else None
            changes[file.new_path] = Change(file.new_path, before, new, file.executable)
    real = tuple(change for _, change in sorted(changes.items()) if change.before != change.after)
    if not real:
        raise PatchRefused("the patch is empty: it changes nothing")
    for change in real:
        _check_readable(change)
    return real


def changed_lines(before: str, after: str) -> set[int]:
    """Lines of `after`, counted from 1, that are new or changed since `before`."""
    return {index + 1 for index in changed_indices(before.split("\n"), after.split("\n"))}


def changed_indices(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """Indices into `after` of the lines that are new or changed, in their order."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    spans = [(start, end) for tag, _, _, start, end in matcher.get_opcodes() if tag in {"insert", "replace"}]
    return [index for start, end in spans for index in range(start, end)]


# ------------------------------------------------------------------------------------------------------


def _check_readable(change: Change) -> None:
    """Refuses text too deep for the recursive gates; a gate reports text that does not parse."""
    for text in (change.before, change.after):
        if text and change.path.endswith((".py", ".pyi")):
            try:
                parse_python(text)
            except NotPython:
                continue
            except Unreadable as error:
                raise PatchRefused(f"{change.path} cannot be read as Python: {error}") from None


def _patched(old: str, file: FileDiff) -> str:
    lines, out, position, shift = _lines(old), [], 0, 0
    for hunk in file.hunks:
        wanted = max(hunk.start - 1, 0) if hunk.before else hunk.start
        at = _find(lines, hunk.before, wanted + shift, position)
        if at is None:
            why = (
                " (it has Windows line ends, the file has not)" if _differ_by_ends(lines, hunk.before) else ""
            )
            raise PatchRefused(
                f"the patch does not apply to base: {file.old_path or file.new_path}, line {hunk.start}{why}"
            )
        shift = at - wanted
        out += [*lines[position:at], *hunk.after]
        position = at + len(hunk.before)
    return "".join([*out, *lines[position:]])


def _find(lines: list[str], before: tuple[str, ...], wanted: int, lowest: int) -> int | None:
    """The position nearest to `wanted` at which `before` occurs."""
    if not before:
        return min(max(wanted, lowest), len(lines))
    places = (at for at in _places(lines, before) if at >= lowest)
    return min(places, key=lambda at: (abs(at - wanted), at), default=None)


def _places(lines: list[str], before: tuple[str, ...]) -> Iterator[int]:
    """Positions of `before`, by the algorithm of Knuth, Morris and Pratt: equal lines cost no extra time."""
    shorter = [0] * len(before)  # by matching lines: how many of them still match one position further on
    matched = 0
    for index in range(1, len(before)):
        while matched and before[index] != before[matched]:
            matched = shorter[matched - 1]
        matched += before[index] == before[matched]
        shorter[index] = matched
    matched = 0
    for index, line in enumerate(lines):
        while matched and (matched == len(before) or line != before[matched]):
            matched = shorter[matched - 1]
        matched += line == before[matched]
        if matched == len(before):
            yield index - matched + 1


def _differ_by_ends(lines: list[str], before: tuple[str, ...]) -> bool:
    return any(line.endswith("\r\n") for line in before) and not any(line.endswith("\r\n") for line in lines)


def _lines(text: str) -> list[str]:
    """Lines with their line ends, split at line feeds only."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
