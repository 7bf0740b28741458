"""Text that is not what it looks like: lines that are turned round, names in letters of another script."""

import ast
import unicodedata

_TURNING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
_GREEK = set("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρυ")  # what nobody tells from Latin; the other letters are common in formulas


def turned_line(text: str, known: str) -> int | None:
    """The first line (from 1) that `known` does not have, that has a character which turns the text round."""
    if not _TURNING & set(text):
        return None
    before = set(known.split("\n"))
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if _TURNING & set(line) and line not in before), None)


def disguised_name(tree: ast.AST) -> str | None:
    """The first name that mixes Latin letters with ones of another script that look the same."""
    for node in ast.walk(tree):
        for name in _names(node):
            if not name.isascii() and _is_mixed(name):
                return name
    return None


def _names(node: ast.AST) -> list[str]:
    found = [getattr(node, word, None) for word in ("id", "name", "attr", "arg", "asname")]
    return [name for name in found if isinstance(name, str)]


def _is_mixed(name: str) -> bool:
    letters = [char for char in name if char.isalpha()]
    other = [
        char for char in letters if char in _GREEK or _script(char) in {"CYRILLIC", "ARMENIAN", "CHEROKEE"}
    ]
    return bool(other) and any(_script(char) == "LATIN" for char in letters)


def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]
