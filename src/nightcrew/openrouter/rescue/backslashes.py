r"""Tells whether texts whose backslashes a model forgot to escape can be read in one way only.

A `\d` shows that a backslash was forgotten: a `\n` beside it may be a line break, or the two letters of a
string in code. It is a line break only outside of quotes, in code whose forgotten backslashes are inside.
"""

import re
from collections.abc import Iterator

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.|$)", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"|\'((?:[^\'\\]|\\.)*+)\'', re.DOTALL)
_MARK = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)|[\"'`]", re.DOTALL)
_OF_JSON = re.compile(r"\\[\"\\/bfnrtu]")
_QUOTES = frozenset("\"'`")


def are_certain(text: str) -> bool:
    """False if an escape in this JSON, or almost JSON, may be meant as the two letters that it is."""
    if "\\" not in text:
        return True
    escapes = set(_ESCAPE.findall(text))
    forgotten = {escape for escape in escapes if _is_forgotten(escape)}
    if "\\'" in escapes and not all(map(_escapes_each_quote, _strings(text))):
        return False
    if not forgotten or escapes <= forgotten | {'\\"'}:
        return True
    outside = _STRING.sub("", text)
    return "\\" not in outside and all(map(_is_code_read_one_way, _strings(text)))


# ----------------------------------------------------------------------------------------------------


def _is_forgotten(escape: str) -> bool:
    r"""True for a backslash that escapes nothing; `\'` is an escape in other languages."""
    return escape != "\\'" and (not _OF_JSON.match(escape) or escape == "\\u")


def _strings(text: str) -> Iterator[str]:
    return (found[1] if found[1] is not None else found[2] for found in _STRING.finditer(text))


def _escapes_each_quote(content: str) -> bool:
    r"""True if `\'` is a habit of the model, not a quote that the text itself escapes."""
    return "\\'" not in content or "'" not in _ESCAPE.sub("", content)


def _is_code_read_one_way(content: str) -> bool:
    within = ""
    for found in _MARK.finditer(content):
        mark, before = found[0], content[max(0, found.start() - 2) : found.start()]
        if mark == '\\"' or mark in _QUOTES:
            within = _after(within, mark[-1])
        elif mark == "\\n":
            if within or before[-1:] == " ":
                return False
        elif mark == "\\t":
            if within or before not in {"", "\\n", "\\t"}:
                return False
        elif not _is_forgotten(mark) or not within:
            return False
    return True


def _after(within: str, quote: str) -> str:
    """The open quote after another one; empty if none is open."""
    return "" if within == quote else within or quote
