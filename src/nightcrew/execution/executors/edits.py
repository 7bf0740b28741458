"""Applies the edits of a model's reply: all are checked together, and only then written."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from nightcrew.execution.executors.elision import elided_line
from nightcrew.execution.executors.placing import Place, places_of, several, why_not
from nightcrew.execution.executors.reply import BadEdits, Edit, Replacement, WholeFile
from nightcrew.execution.executors.source_text import NotText, SourceText
from nightcrew.secrets.files import write_shown
from nightcrew.untrusted import Unreadable, parse_python, read_file

FILE_BYTES = 512 * 1024
ALL_BYTES = 2 * 1024 * 1024
FILES = 40


def planned(edits: tuple[Edit, ...], tree: Path) -> dict[str, bytes]:
    """The new content of every edited file, in its encoding and with its line ends; nothing is written.

    Raises:
        BadEdits: a path outside the tree or through a link, a search text that is missing or not unique, a
            file that is not whole, a Python file that does not parse, too much.
    """
    sources: dict[str, SourceText] = {}
    contents: dict[str, bytes] = {}
    for edit in edits:
        name = _checked_path(edit.path, tree)
        known = sources.get(name) or _current(edit, tree / name)
        try:
            sources[name] = _edited(edit, known)
            contents[name] = sources[name].encoded()
        except NotText as error:
            raise BadEdits(f"{name}: {error}") from None
    _check_sizes(contents)
    for name, source in sources.items():
        _check_syntax(name, source.text)
    return contents


def apply(contents: Mapping[str, bytes], tree: Path) -> None:
    """Write the planned contents; files keep their mode."""
    for name, content in contents.items():
        write_shown(tree / name, content)  # its tests run as another user


# ---------------------------------------------------------------------------------------------------------


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


def _current(edit: Edit, path: Path) -> SourceText:
    """The file as it is; empty if it is a new one."""
    if not path.is_file():
        if isinstance(edit, WholeFile):
            return SourceText((), ())
        raise BadEdits(f"### EDIT {edit.path}: there is no such file; use ### FILE for a new one")
    try:
        return SourceText.read(read_file(path))
    except (NotText, Unreadable, OSError) as error:
        raise BadEdits(f"{edit.path}: {error}") from None


def _edited(edit: Edit, source: SourceText) -> SourceText:
    new = edit.content if isinstance(edit, WholeFile) else edit.replace
    if elided := elided_line(new, source.text):
        raise BadEdits(
            f"{edit.path}: the line {elided[:200]!r} stands in for text that would be deleted. Send every "
            "line, or only the changed ones with ### EDIT."
        )
    return source.rewritten(new) if isinstance(edit, WholeFile) else _replaced(edit, source)


def _replaced(edit: Replacement, source: SourceText) -> SourceText:
    if not edit.search.strip():
        raise BadEdits(f"### EDIT {edit.path}: the SEARCH part is empty; use ### FILE for a whole file")
    readings = [(edit.search, edit.replace), *edit.others]
    places: list[Place] = []
    for search, replace in reversed(readings):  # that a longer text is in the file is no coincidence
        places = places or (places_of(source.lines, _lines(search)) if search.strip() else [])
        if len(places) == 1:
            place = places[0]
            if place.disagrees(_lines(search), _lines(replace)):
                raise BadEdits(
                    f"### EDIT {edit.path}: the SEARCH lines have another indentation than the file, and the "
                    f"REPLACE lines a third. Copy them as the file has them, from line {place.start + 1}."
                )
            return source.replaced(place.start, place.stop, place.fitted(_lines(replace)))
    wanted = _lines(edit.search)
    excerpt = "\n".join(wanted[:6])[:1_000]
    if places:
        why = f"must be in the file exactly once: {several(places)}"
    else:
        why = f"is not in the file; {why_not(source.lines, wanted)}"
    raise BadEdits(f"### EDIT {edit.path}: the SEARCH text\n{excerpt}\n{why}")


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


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
