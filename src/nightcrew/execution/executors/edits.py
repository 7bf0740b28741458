"""Edits in a model's reply: parsed, checked together, and only then applied.

### FILE path            the whole file, in a fence of three or more backticks, closed by as many
### EDIT path            one or more blocks <<<<<<< SEARCH / ======= / >>>>>>> REPLACE
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nightcrew.untrusted import Unreadable, parse_python

FILE_BYTES = 512 * 1024
ALL_BYTES = 2 * 1024 * 1024
FILES = 40

_HEADING = re.compile(r"#{2,4} (FILE|EDIT):? +`?([^`\n]+?)`?\s*$")
_FENCE = re.compile(r"(`{3,})[\w.+-]*\s*$")
_SEARCH, _DIVIDE, _REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"


class BadEdits(Exception):
    """The reply has edits that cannot be applied; the text tells the model which and why."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file with its new content."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """A text that occurs exactly once in a file, and its replacement."""

    path: str
    search: str
    replace: str


type Edit = WholeFile | Replacement


def read_edits(reply: str) -> tuple[Edit, ...]:
    """The edits in a model's reply, in order; may be empty.

    Raises:
        BadEdits: a heading without a complete block.
    """
    lines = reply.splitlines()
    found: list[Edit] = []
    at = 0
    while at < len(lines):
        heading = _HEADING.match(lines[at].strip())
        at += 1
        if heading:
            kind, path = heading.groups()
            edits, at = _whole_file(path, lines, at) if kind == "FILE" else _replacements(path, lines, at)
            found.extend(edits)
    return tuple(found)


def planned(edits: tuple[Edit, ...], tree: Path) -> dict[str, bytes]:
    """The new content of every edited file; nothing is written.

    Raises:
        BadEdits: a path outside the tree or through a link, a search text that is missing or not unique, a
            Python file that does not parse, too much.
    """
    texts: dict[str, str] = {}
    for edit in edits:
        name = _checked_path(edit.path, tree)
        if isinstance(edit, WholeFile):
            texts[name] = edit.content
        else:
            texts[name] = _replaced(edit, texts.get(name, _current(tree, name)))
    contents = {name: text.encode() for name, text in texts.items()}
    _check_sizes(contents)
    for name, text in texts.items():
        _check_syntax(name, text)
    return contents


def apply(contents: Mapping[str, bytes], tree: Path) -> None:
    """Write the planned contents; files keep their mode."""
    for name, content in contents.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# ---------------------------------------------------------------------------------------------------------


def _whole_file(path: str, lines: list[str], at: int) -> tuple[list[Edit], int]:
    while at < len(lines) and not lines[at].strip():
        at += 1
    fence = _FENCE.match(lines[at].strip()) if at < len(lines) else None
    if fence is None:
        raise BadEdits(f"### FILE {path}: a fenced block with the whole file must follow")
    for end in range(at + 1, len(lines)):
        if lines[end].rstrip() == fence[1]:
            content = "\n".join(lines[at + 1 : end])
            return [WholeFile(path, f"{content}\n" if content else "")], end + 1
    raise BadEdits(f"### FILE {path}: the fenced block is not closed")


def _replacements(path: str, lines: list[str], at: int) -> tuple[list[Edit], int]:
    found: list[Edit] = []
    while at < len(lines) and (
        not lines[at].strip() or _FENCE.match(lines[at].strip()) or _starts(lines[at])
    ):
        if not _starts(lines[at]):
            at += 1
            continue
        search, at = _until(_DIVIDE, path, lines, at + 1)
        replace, at = _until(_REPLACE, path, lines, at)
        found.append(Replacement(path, search, replace))
    if not found:
        raise BadEdits(f"### EDIT {path}: a block {_SEARCH} / {_DIVIDE} / {_REPLACE} must follow")
    return found, at


def _starts(line: str) -> bool:
    return line.rstrip() == _SEARCH


def _until(mark: str, path: str, lines: list[str], at: int) -> tuple[str, int]:
    for end in range(at, len(lines)):
        if lines[end].rstrip() == mark:
            return "".join(f"{line}\n" for line in lines[at:end]), end + 1
    raise BadEdits(f"### EDIT {path}: the block is not closed by a line {mark}")


def _checked_path(path: str, tree: Path) -> str:
    """The normalised path, which is inside the tree and has no link in it."""
    pure = PurePosixPath(path.strip())
    bad = not pure.parts or pure.is_absolute() or "\\" in path or any(ord(letter) < 32 for letter in path)
    if bad or any(part == ".." or part.lower() == ".git" for part in pure.parts):
        raise BadEdits(f"{path}: a path must be inside the repository, relative to its root, without '..'")
    place = tree
    for part in pure.parts:
        if place.is_file():
            raise BadEdits(f"{path}: {place.name} is a file, not a folder")
        place = place / part
        if place.is_symlink():
            raise BadEdits(f"{path}: {part} is a symbolic link; links are not followed")
    if place.exists() and not place.is_file():
        raise BadEdits(f"{path}: is a folder")
    return str(pure)


def _current(tree: Path, name: str) -> str:
    path = tree / name
    if not path.is_file():
        raise BadEdits(f"### EDIT {name}: there is no such file; use ### FILE for a new one")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise BadEdits(f"### EDIT {name}: is not a UTF-8 text file") from None


def _replaced(edit: Replacement, text: str) -> str:
    if not edit.search.strip():
        raise BadEdits(f"### EDIT {edit.path}: the SEARCH part is empty; use ### FILE for a whole file")
    search, replace = edit.search, edit.replace
    if "\r\n" in text:
        search, replace = search.replace("\n", "\r\n"), replace.replace("\n", "\r\n")
    if text.count(search) == 0 and text.endswith(search.rstrip("\r\n")):
        # The file's last line may lack a line end, which a block cannot express.
        search, replace = search.rstrip("\r\n"), replace.rstrip("\r\n")
    count = text.count(search)
    if count != 1:
        found = "is not in the file" if count == 0 else f"is in the file {count} times"
        excerpt = "\n".join(edit.search.splitlines()[:6])
        raise BadEdits(
            f"### EDIT {edit.path}: the SEARCH text {found}; it must be there exactly once:\n{excerpt}"
        )
    return text.replace(search, replace)


def _check_sizes(contents: Mapping[str, bytes]) -> None:
    if len(contents) > FILES:
        raise BadEdits(f"{len(contents)} files are edited; {FILES} is the most")
    for name, content in contents.items():
        if len(content) > FILE_BYTES:
            raise BadEdits(f"{name}: has {len(content)} bytes; {FILE_BYTES} is the most")
    if sum(map(len, contents.values())) > ALL_BYTES:
        raise BadEdits(f"the edits hold more than {ALL_BYTES} bytes together")


def _check_syntax(name: str, text: str) -> None:
    if not name.endswith((".py", ".pyi")):
        return
    try:
        parse_python(text)
    except Unreadable as error:
        raise BadEdits(f"{name}: cannot be read as Python after the edit: {error}") from None
