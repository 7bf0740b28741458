"""The paths that a diff names: plain paths inside the repository are accepted, all others refused."""

import re
import unicodedata

from nightcrew.validation.change.change import FileDiff, PatchRefused

OLD_SIDES, NEW_SIDES = ("a/", "c/", "i/", "o/"), ("b/", "i/", "w/")  # the others: diff.mnemonicPrefix
PLAIN_DIFF = "make it with `git -c diff.noprefix=false diff --no-color`"
_QUOTED = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
_ESCAPES = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}


def check_path(path: str) -> str:
    """`path` itself where it is a plain path inside the repository.

    Raises:
        PatchRefused: it is not one.
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


def check_no_doubles(files: tuple[FileDiff, ...]) -> None:
    """Checks that each path is named once, also on file systems that ignore case.

    Raises:
        PatchRefused: one is named twice.
    """
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


def header_paths(header: str, facts: dict[str, str]) -> tuple[str, str]:
    """Both paths that a `diff --git` line and its extended header name.

    Raises:
        PatchRefused: they are unusual, or a file is copied.
    """
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
        raise PatchRefused(f"the patch names its files in an unusual way ({header[:80]!r}); {PLAIN_DIFF}")
    return check_path(sides[0][2:]), check_path(sides[1][2:])


def old_side(text: str) -> str | None:
    """The path that a `--- ` line names, None for /dev/null.

    Raises:
        PatchRefused: the path is not inside the repository.
    """
    return _side(text, OLD_SIDES)


def new_side(text: str) -> str | None:
    """The path that a `+++ ` line names, None for /dev/null."""
    return _side(text, NEW_SIDES)


# ------------------------------------------------------------------------------------------------------


def _side(text: str, prefixes: tuple[str, ...]) -> str | None:
    name = _unquoted(text.rstrip("\r").split("\t")[0])
    if name == "/dev/null":
        return None
    if not name.startswith(prefixes):
        raise PatchRefused(f"malformed patch: a path without {prefixes[0]!r}: {name[:80]!r}; {PLAIN_DIFF}")
    return check_path(name[2:])


def _unquoted(name: str) -> str:
    """The plain form of a path that git quotes ("\\303\\244.py")."""
    if not (len(name) >= 2 and name.startswith('"') and name.endswith('"')):
        return name

    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([_ESCAPES[code]]) if code in _ESCAPES else bytes([int(code, 8) & 255])

    try:
        return _QUOTED.sub(plain, name[1:-1].encode()).decode()
    except UnicodeDecodeError:
        raise PatchRefused(f"a path that is not UTF-8: {name[:80]!r}") from None
