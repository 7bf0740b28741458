"""Values as text with everything that a caller can notice, and equal for two versions of the same code."""

import hashlib
import re
from typing import Any

MOST_DEPTH, MOST_ITEMS, MOST_TEXT = 8, 200, 300
PLAIN = (type(None), bool, int, float, complex, str, bytes)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class NotPlain(Exception):
    """A value that is more than its content: an object, a function, a module."""


def shown(value: Any, depth: int = 0) -> str:
    """Type and content; for an object without a text of its own, its public attributes."""
    kind = type(value)
    if kind in PLAIN or isinstance(value, re.Pattern):
        return plain(value)
    if (
        isinstance(value, (list, tuple, set, frozenset, dict))
        and kind.__repr__ in _OWN
        and depth < MOST_DEPTH
    ):
        return f"{kind.__name__} {_inside(value, depth, shown)}"
    text = _ADDRESS.sub("", repr(value))
    default: Any = object.__repr__
    if kind.__repr__ is default and hasattr(value, "__dict__") and depth < MOST_DEPTH:
        public = {name: held for name, held in vars(value).items() if not name.startswith("_")}
        return f"{text} {_inside(public, depth, shown)}"
    return text if text.startswith((kind.__name__, "<")) else f"{kind.__name__} {text}"


def plain(value: Any, depth: int = 0) -> str:
    """The text of a value that is only its content. Raises NotPlain for any other."""
    kind = type(value)
    if kind in PLAIN:
        return repr(value)
    if kind in (list, tuple, set, frozenset, dict) and depth < MOST_DEPTH:
        return f"{kind.__name__} {_inside(value, depth, plain)}"
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags})"
    raise NotPlain


def bounded(text: str) -> str:
    """A long text as its beginning and a digest of the whole."""
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}... {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]}"


def call_text(name: str, given: "list[Any]", words: "dict[str, Any]") -> str:
    """The call in readable form."""
    parts = [*map(_short, given), *(f"{key}={_short(value)}" for key, value in words.items())]
    return f"{name.removesuffix('.__init__')}({', '.join(parts)})"


# ---------------------------------------------------------------------------------------------------------


def _inside(value: Any, depth: int, text: Any) -> str:
    if isinstance(value, dict):
        pairs = list(value.items())[:MOST_ITEMS]
        return "{%s}" % ", ".join(f"{text(key, depth + 1)}: {text(held, depth + 1)}" for key, held in pairs)  # noqa: UP031
    parts = [text(one, depth + 1) for one in list(value)[:MOST_ITEMS]]
    more = f", and {len(value) - MOST_ITEMS} more" if len(value) > MOST_ITEMS else ""
    # The order of a set's elements has no meaning.
    return f"[{', '.join(sorted(parts) if isinstance(value, (set, frozenset)) else parts)}{more}]"


_OWN: tuple[Any, ...] = (list.__repr__, tuple.__repr__, set.__repr__, frozenset.__repr__, dict.__repr__)


def _short(value: Any) -> str:
    text = _ADDRESS.sub("", repr(value))
    if isinstance(value, (str, list)) and type(value) not in (str, list):
        text = f"{type(value).__name__}({text})"
    return text if len(text) <= 60 else text[:57] + "..."
