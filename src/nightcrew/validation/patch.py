"""A patch as data: a unified diff is parsed strictly and applied to text, never handed to another program.

Two programs that read the same diff differently are a way in; so what the gates look at is exactly what is
written to the clean room. Nothing here touches a disk. Refused: binary content, symlinks, submodules, changed
modes, odd paths (absolute, `..`, `.git`, back slashes, control characters, case tricks), enormous patches.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

MAX_BYTES = 1_000_000
MAX_FILES = 200
MAX_LINE = 20_000
REGULAR_MODES = {"100644", "100755"}
OLD_SIDES, NEW_SIDES = ("a/", "c/", "i/", "o/"), ("b/", "i/", "w/")  # the others: diff.mnemonicPrefix
_PLAIN_DIFF = "make it with `git -c diff.noprefix=false diff --no-color`"
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_QUOTED = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
_ESCAPES = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}


class PatchRefused(Exception):
    """The patch cannot be judged as it stands; the text says why."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: the lines that must stand at `start` (from 1), and the ones that replace them."""

    start: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What a patch says about one file; a missing path means that the file does not exist on that side."""

    old_path: str | None
    new_path: str | None
    hunks: tuple[Hunk, ...]
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after; None: it does not exist on that side."""

    path: str
    before: str | None
    after: str | None
    executable: bool = False

    @property
    def is_new(self) -> bool:
        """True where base does not have the file."""
        return self.before is None


def parse_patch(text: str) -> tuple[FileDiff, ...]:
    """The files of a unified diff as git writes it.

    Raises:
        PatchRefused: it is empty, enormous, malformed, or uses a trick.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise PatchRefused(f"the patch is larger than {MAX_BYTES:,} bytes")
    if "\x1b[" in text[:200]:
        raise PatchRefused(f"the patch is coloured for a terminal; {_PLAIN_DIFF}")
    files = _Parser(text).files()
    if not files:
        what = "is empty" if not text.strip() else "is not a diff"
        raise PatchRefused(f"the patch {what}: it changes no file")
    if len(files) > MAX_FILES:
        raise PatchRefused(f"the patch changes more than {MAX_FILES} files")
    _check_no_doubles(files)
    return files


def apply_patch(files: tuple[FileDiff, ...], read: Callable[[str], str | None]) -> tuple[Change, ...]:
    """Every changed file's text before and after; `read` gives base's text of a path, None where there
    is none.

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
    return real


def check_path(path: str) -> str:
    """`path` itself where it is a plain path inside the repository.

    Raises:
        PatchRefused: it is not.
    """
    parts = path.split("/")
    if not path or path.startswith("/") or path.endswith("/") or len(path) > 400:
        raise PatchRefused(f"not a path inside the repository: {path[:80]!r}")
    if "\\" in path or any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in path):
        raise PatchRefused(f"a path with control or invisible characters or back slashes: {path[:80]!r}")
    for part in parts:
        plain = unicodedata.normalize("NFKC", part).lower().rstrip(" .")
        if part in {"", ".", ".."} or not plain:
            raise PatchRefused(f"not a path inside the repository: {path[:80]!r}")
        if plain == ".git" or plain.startswith((".git:", "git~")):
            raise PatchRefused(f"a path inside git's own folder: {path[:80]!r}")
        if part != part.rstrip(" .") or ":" in part:
            raise PatchRefused(f"a path that other systems read differently: {path[:80]!r}")
    return path


def _check_no_doubles(files: tuple[FileDiff, ...]) -> None:
    seen: set[str] = set()
    for file in files:
        for path in {file.old_path, file.new_path} - {None}:
            key = unicodedata.normalize("NFC", str(path)).casefold()
            if key in seen:
                raise PatchRefused(
                    f"{path} is changed twice, or differs from another path by case only; "
                    f"of several commits make one diff"
                )
            seen.add(key)


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
    """The place nearest to `wanted` where `before` stands."""
    if not before:
        return min(max(wanted, lowest), len(lines))
    places = (
        at
        for at in range(lowest, len(lines) - len(before) + 1)
        if lines[at] == before[0] and tuple(lines[at : at + len(before)]) == before
    )
    return min(places, key=lambda at: (abs(at - wanted), at), default=None)


def _differ_by_ends(lines: list[str], before: tuple[str, ...]) -> bool:
    return any(line.endswith("\r\n") for line in before) and not any(line.endswith("\r\n") for line in lines)


def _lines(text: str) -> list[str]:
    """Lines with their ends, split at line feeds only."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


class _Parser:
    """Reads a diff from top to bottom; every line inside a file's part has to make sense."""

    def __init__(self, text: str) -> None:
        self.lines = text.removesuffix("\n").split("\n")
        self.at = 0

    def files(self) -> tuple[FileDiff, ...]:
        found: list[FileDiff] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith("diff --git "):
                found.append(self._git_file())
            elif line.startswith("--- ") and self._peek(1).startswith("+++ "):
                found.append(self._plain_file())
            elif line.startswith(("GIT binary patch", "Binary files ")):
                raise PatchRefused("the patch has binary content")
            elif line.startswith(("@@ ", "--- ", "+++ ", "diff ")):
                raise PatchRefused(f"malformed patch at line {self.at + 1}: {line[:60]!r}")
            else:
                self.at += 1
        return tuple(found)

    def _peek(self, ahead: int) -> str:
        return self.lines[self.at + ahead] if self.at + ahead < len(self.lines) else ""

    def _git_file(self) -> FileDiff:
        header, self.at = self.lines[self.at], self.at + 1
        facts = self._extended_header()
        _check_modes(facts)
        if self._peek(0).startswith(("GIT binary patch", "Binary files ")):
            raise PatchRefused(f"the patch has binary content: {header[11:80]}")
        old, new = _header_paths(header, facts)
        hunks: tuple[Hunk, ...] = ()
        if self._peek(0).startswith("--- "):
            plain = self._plain_file()
            hunks = plain.hunks
            if plain.old_path not in {old, None} or plain.new_path not in {new, None}:
                raise PatchRefused(f"the patch names two different paths for one file: {header[:80]}")
            if (plain.old_path is None) != ("new file mode" in facts) or (plain.new_path is None) != (
                "deleted file mode" in facts
            ):
                raise PatchRefused(f"the patch says two things about whether a file exists: {header[:80]}")
        created, deleted = "new file mode" in facts, "deleted file mode" in facts
        return FileDiff(
            None if created else old,
            None if deleted else new,
            hunks,
            facts.get("new file mode") == "100755",
        )

    def _extended_header(self) -> dict[str, str]:
        facts: dict[str, str] = {}
        words = (
            "old mode", "new mode", "deleted file mode", "new file mode", "similarity index",
            "dissimilarity index", "rename from", "rename to", "copy from", "copy to", "index",
        )  # fmt: skip
        while self.at < len(self.lines):
            word = next((word for word in words if self.lines[self.at].startswith(f"{word} ")), None)
            if word is None:
                break
            if word in facts:
                raise PatchRefused(f"malformed patch at line {self.at + 1}: {word!r} twice")
            facts[word] = self.lines[self.at][len(word) + 1 :].rstrip("\r")
            self.at += 1
        return facts

    def _plain_file(self) -> FileDiff:
        old = _side(self.lines[self.at][4:], OLD_SIDES)
        new = _side(self.lines[self.at + 1][4:], NEW_SIDES)
        if old is None and new is None:
            raise PatchRefused(f"malformed patch at line {self.at + 1}: a file that is on neither side")
        self.at += 2
        hunks: list[Hunk] = []
        while self._peek(0).startswith("@@ "):
            hunks.append(self._hunk())
        if not hunks:
            raise PatchRefused(f"malformed patch at line {self.at + 1}: a file without a hunk")
        return FileDiff(old, new, tuple(hunks))

    def _hunk(self) -> Hunk:
        match = _HUNK.match(self.lines[self.at])
        if match is None:
            raise PatchRefused(f"malformed patch at line {self.at + 1}: {self.lines[self.at][:60]!r}")
        start, old_left, new_left = (
            int(match[1]),
            int(match[2] if match[2] is not None else 1),
            int(match[4] if match[4] is not None else 1),
        )
        self.at += 1
        before: list[str] = []
        after: list[str] = []
        while old_left > 0 or new_left > 0:
            if self.at >= len(self.lines):
                raise PatchRefused("malformed patch: it ends inside a hunk")
            line = self.lines[self.at]
            if len(line) > MAX_LINE:
                raise PatchRefused(f"a line of more than {MAX_LINE:,} characters")
            # Some tools strip the blank of an empty context line.
            sign, body = (line[0], line[1:]) if line else (" ", "")
            if sign not in " +-":
                raise PatchRefused(f"malformed patch at line {self.at + 1}: {line[:60]!r}")
            if "\x00" in body:
                raise PatchRefused("the patch has binary content")
            self.at += 1
            end = "\n"
            if self._peek(0).startswith("\\ "):
                end, self.at = "", self.at + 1
            if sign in " -":
                before.append(body + end)
                old_left -= 1
            if sign in " +":
                after.append(body + end)
                new_left -= 1
        if old_left or new_left:
            raise PatchRefused(
                f"malformed patch at line {self.at + 1}: a hunk's length does not fit its header"
            )
        return Hunk(start, tuple(before), tuple(after))


def _check_modes(facts: dict[str, str]) -> None:
    index = facts.get("index", "").split()
    modes = [
        facts[word]
        for word in ("old mode", "new mode", "new file mode", "deleted file mode")
        if word in facts
    ]
    for mode in [*modes, *index[1:2]]:
        if mode == "120000":
            raise PatchRefused("the patch makes or changes a symbolic link")
        if mode == "160000":
            raise PatchRefused("the patch makes or changes a submodule")
        if mode not in REGULAR_MODES:
            raise PatchRefused(f"the patch uses the file mode {mode[:12]!r}")
    if "old mode" in facts or "new mode" in facts:
        raise PatchRefused("the patch changes a file's mode")


def _header_paths(header: str, facts: dict[str, str]) -> tuple[str, str]:
    for word in ("rename", "copy"):
        if f"{word} from" in facts or f"{word} to" in facts:
            if word == "copy" or not (f"{word} from" in facts and f"{word} to" in facts):
                raise PatchRefused("the patch copies a file; give the new file's content instead")
            return check_path(_unquoted(facts["rename from"])), check_path(_unquoted(facts["rename to"]))
    rest = header[len("diff --git ") :].rstrip("\r")
    match = re.fullmatch(r'"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"', rest)
    if match:
        sides = _unquoted(f'"{match[1]}"'), _unquoted(f'"{match[2]}"')
    else:
        middle = len(rest) // 2
        sides = rest[:middle], rest[middle + 1 :]
    named = sides[0].startswith(OLD_SIDES) and sides[1].startswith(NEW_SIDES) and sides[0] != sides[1]
    if not named or sides[0][2:] != sides[1][2:]:
        raise PatchRefused(f"the patch names its files in an unusual way ({header[:80]!r}); {_PLAIN_DIFF}")
    return check_path(sides[0][2:]), check_path(sides[1][2:])


def _side(text: str, prefixes: tuple[str, ...]) -> str | None:
    name = _unquoted(text.rstrip("\r").split("\t")[0])
    if name == "/dev/null":
        return None
    if not name.startswith(prefixes):
        raise PatchRefused(f"malformed patch: a path without {prefixes[0]!r}: {name[:80]!r}; {_PLAIN_DIFF}")
    return check_path(name[2:])


def _unquoted(name: str) -> str:
    """A path as git quotes it ("\\303\\244.py"), plain."""
    if not (len(name) >= 2 and name.startswith('"') and name.endswith('"')):
        return name

    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([_ESCAPES[code]]) if code in _ESCAPES else bytes([int(code, 8) & 255])

    try:
        return _QUOTED.sub(plain, name[1:-1].encode()).decode()
    except UnicodeDecodeError:
        raise PatchRefused(f"a path that is not UTF-8: {name[:80]!r}") from None
