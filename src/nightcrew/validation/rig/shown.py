"""Values as text with everything that a caller can notice, and equal for two versions of the same code."""

import asyncio
import contextlib
import hashlib
import inspect
import itertools
import linecache
import re
import sys
from functools import partial
from typing import Any

MOST_DEPTH, MOST_ITEMS, MOST_TEXT, MOST_LAZY = 8, 200, 300, 500
MOST_HELD = 3  # levels of what an argument holds, in which a result is looked for
WARNS = ", and warns of "
PLAIN = (type(None), bool, int, float, complex, str, bytes)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_STANDARD = {"builtins", *getattr(sys, "stdlib_module_names", ())}


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
    text = ADDRESS.sub("", repr(value))
    default: Any = object.__repr__
    if kind.__repr__ is default and hasattr(value, "__dict__") and depth < MOST_DEPTH:
        public = {name: held for name, held in vars(value).items() if not name.startswith("_")}
        return f"{text} {_inside(public, depth, shown)}"
    text = text if text.startswith((kind.__name__, "<")) else f"{kind.__name__} {text}"
    return f"{text}{_attributes(value)}" if depth <= 1 else text


def _attributes(value: Any) -> str:
    """The public attributes of an object of a class with a text of its own that is not one of Python's."""
    kind, held = type(value), getattr(value, "__dict__", None)
    if not isinstance(held, dict) or kind.__module__.split(".")[0] in _STANDARD or isinstance(value, type):
        return ""
    public = {name: one for name, one in held.items() if not name.startswith("_")}
    return f" {_inside(public, MOST_DEPTH - 1, shown)}" if public else ""


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


def calmed(first: str, second: str) -> "tuple[str, str]":
    """The results of a call that is made twice, without warnings where these alone differ: what is kept from
    an earlier call, such as a pattern that is compiled, warns no more."""
    calm, again = (one.partition(WARNS)[0] for one in (first, second))
    return (calm, again) if first != second and calm == again else (first, second)


def call_text(name: str, given: "list[Any]", words: "dict[str, Any]") -> str:
    """The call in readable form."""
    parts = [*map(_short, given), *(f"{key}={_short(value)}" for key, value in words.items())]
    return f"{name.removesuffix('.__init__')}({', '.join(parts)})"


def described(value: Any, arguments: "list[Any]") -> str:
    """A call's result as text: whether it is lazy, an argument or a part of one, and what it holds."""
    if inspect.iscoroutine(value):
        value = asyncio.run(value)
    kind, lazy = type(value).__name__, hasattr(value, "__next__")
    if lazy:
        value = list(itertools.islice(value, MOST_LAZY))
    text = f"lazily as {kind} {shown(value)}" if lazy else shown(value)
    if type(value) in (*PLAIN, tuple, frozenset):
        return text
    if any(one is value for one in arguments):
        return f"{text}, which is an argument"
    return f"{text}, which is a part of one" if any(map(partial(_holds, value), arguments)) else text


def own_message(error: BaseException, root: str) -> str:
    """The text of an error that the product itself raises; Python's own texts tell how code is built."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    path = trace.tb_frame.f_code.co_filename if trace is not None else ""
    line = linecache.getline(path, trace.tb_lineno) if trace is not None and path.startswith(root) else ""
    with contextlib.suppress(Exception):
        return ADDRESS.sub("", repr(str(error))) if line.strip().startswith("raise ") else ""
    return ""


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
    text = ADDRESS.sub("", repr(value))
    kind = type(value)
    is_other = isinstance(value, (str, list)) and kind not in (str, list)
    if is_other or (kind.__module__.split(".")[0] not in _STANDARD and kind.__name__ not in text):
        text = f"{kind.__name__}({text})"
    return text if len(text) <= 60 else text[:57] + "..."


def _holds(value: Any, holder: Any, depth: int = 0) -> bool:
    """True where a value is an attribute or an element of another, or of one that this holds."""
    held = getattr(holder, "__dict__", holder)
    parts = held.values() if hasattr(held, "values") else held if isinstance(held, (list, tuple)) else ()
    if isinstance(holder, type) or depth == MOST_HELD:
        return False
    first = list(itertools.islice(parts, MOST_ITEMS))
    return any(one is value for one in first) or any(_holds(value, one, depth + 1) for one in first)
