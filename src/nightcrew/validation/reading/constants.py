"""Strings in code, joined and decoded, so that a string written in pieces is found too."""

import ast
import base64
import binascii
import codecs
from collections.abc import Callable, Iterator
from functools import lru_cache

from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.suite import MOST_TREES, read, walk
from nightcrew.validation.tables import Table

type Text = str | bytes
_EVERYDAY = {repr(one) for one in (None, True, False, 0, 1, -1, "", b"")}
_DIVIDING = Table("interfaces").words("library", "dividing")
_MOST = 200_000  # characters of one string; a longer one is neither a secret nor a name
_DECODERS: dict[str, Callable[[Text], Text]] = {
    "b64decode": base64.b64decode,
    "urlsafe_b64decode": base64.urlsafe_b64decode,
    "standard_b64decode": base64.b64decode,
    "b32decode": base64.b32decode,
    "b16decode": base64.b16decode,
    "b85decode": base64.b85decode,
    "a85decode": base64.a85decode,
    "unhexlify": binascii.unhexlify,
    "a2b_hex": binascii.unhexlify,
    "a2b_base64": binascii.a2b_base64,
    "fromhex": lambda text: bytes.fromhex(_text(text)),
    "decode": lambda value: _text(value),
    "encode": lambda value: _text(value).encode(),
    "bytes": lambda value: value,
    "str": lambda value: _text(value),
}


@lru_cache(maxsize=MOST_TREES)
def texts_in(tree: ast.AST) -> tuple[tuple[int, str], ...]:
    """Every string that an expression of literals evaluates to, with its line; only outermost expressions."""
    return tuple(_texts_in(tree))


def _texts_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        value = folded(node) if isinstance(node, ast.expr) else None
        if value is not None:
            yield getattr(node, "lineno", 1), _text(value)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def folded(node: ast.expr) -> Text | None:
    """The string that an expression of literals evaluates to; None for anything else."""
    try:
        value = _folded(node)
    except (ValueError, TypeError, LookupError, RecursionError):  # binascii.Error is a ValueError
        return None
    return value if value is None or len(value) <= _MOST else None


def values_in(text: str) -> set[str]:
    """Values in an expression that may decide something, without ordinary ones."""
    held = walk(read(text.strip()))
    return {repr(one.value) for one in held if isinstance(one, ast.Constant)} - _EVERYDAY


def is_value(text: str) -> bool:
    """True where the text is one value, be it an ordinary one."""
    body = read(text.strip()).body
    return len(body) == 1 and isinstance(getattr(body[0], "value", None), ast.Constant)


def sizes_in(text: str) -> set[str]:
    """What an expression asks about the size, the order or the look of values: each divides inputs as a value
    in it does."""
    return {ast.unparse(one) for one in walk(read(text.strip())) if _divides(one)}


def _divides(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return own_name(node.func) in _DIVIDING
    if not isinstance(node, ast.Compare):
        return False
    numbers = (one.value for one in walk(node) if isinstance(one, ast.Constant))
    ordered = any(isinstance(one, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for one in node.ops)
    return ordered or any(type(one) in (int, float) for one in numbers)


def _folded(node: ast.expr) -> Text | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str | bytes) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _folded(node.left), _folded(node.right)
        return None if left is None or right is None else _text(left) + _text(right)
    if isinstance(node, ast.JoinedStr):
        return _together([one.value if isinstance(one, ast.FormattedValue) else one for one in node.values])
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return _reversed(node.value, node.slice)
    return _called(node) if isinstance(node, ast.Call) else None


def _together(parts: list[ast.expr], between: str = "") -> str | None:
    texts = [_folded(one) for one in parts]
    return None if None in texts else between.join(_text(one) for one in texts if one is not None)


def _reversed(value: ast.expr, part: ast.Slice) -> str | None:
    step = part.step
    backwards = isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub)
    text = _folded(value) if backwards and part.lower is None and part.upper is None else None
    return None if text is None else _text(text)[::-1]


def _called(node: ast.Call) -> Text | None:
    name = own_name(node.func)
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    first = next(iter(node.args), None)
    elements = first.elts if isinstance(first, ast.List | ast.Tuple) else None
    if name == "join" and owner is not None and elements is not None:
        between = _folded(owner)
        return None if between is None else _together(elements, _text(between))
    if name == "chr" and isinstance(first, ast.Constant) and isinstance(first.value, int):
        return chr(first.value)
    if name == "bytes" and elements is not None:
        return _of_numbers(elements)
    parts = [one for one in (owner, first) if one is not None]
    return _decoded(name, parts, node) if name in _DECODERS else None


def _decoded(name: str, parts: list[ast.expr], node: ast.Call) -> Text | None:
    """The value of calls such as `"...".decode()` and `bytes.fromhex("...")`."""
    text = next((one for one in map(_folded, parts) if one is not None), None)
    words = {one.value for one in node.args if isinstance(one, ast.Constant)}
    if text is not None and {"rot13", "rot_13"} & words:
        return codecs.decode(_text(text), "rot13")
    return None if text is None else _DECODERS[name](text)


def _of_numbers(elements: list[ast.expr]) -> bytes | None:
    numbers = [one.value for one in elements if isinstance(one, ast.Constant) and isinstance(one.value, int)]
    return bytes(numbers) if len(numbers) == len(elements) else None


def _text(value: Text) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
