"""Other values of the same type, for a version of the target that returns wrong values.

Values that leave the module change; values that the module passes to itself do not, so that a broken copy
still finishes and only a check of the value can notice.
"""

import datetime
import decimal
import dis
import fractions
import pathlib
import sys
import types
from collections.abc import Callable
from typing import Any

touched: "list[int]" = []  # one entry for each value changed in the running test
_dropped: "dict[tuple[types.CodeType, int], bool]" = {}
RIGHT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WRONG = "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM5678901234"


def adjusted(value: Any) -> Any:
    """Another value of the same type where the value leaves its module; otherwise the value itself."""
    return _leaving(value, sys._getframe(1), _garbled)


def extended(value: Any) -> Any:
    """The same, but texts only get one more letter: who looks for a part of a text does not notice."""
    return _leaving(value, sys._getframe(1), _longer)


def _leaving(value: Any, frame: "types.FrameType", text: "Callable[[Any], Any]") -> Any:
    # Through decorators and callbacks too, up to the test.
    outer, own = frame.f_back, frame.f_code.co_filename
    while outer is not None and outer.f_code.co_filename != own:
        if "test" in outer.f_code.co_filename:
            break
        outer = outer.f_back
    if outer is not None and outer.f_code.co_filename == own:
        return value
    try:
        changed = _other(value, text)
    except Exception:
        return value
    # A test of a message is not about the values that are printed in it.
    in_passing = frame.f_code.co_name in ("__repr__", "__str__") and frame.f_back is not outer
    if changed is not value and not in_passing and not any(map(_is_thrown_away, (frame.f_back, outer))):
        touched.append(1)
    return changed


def _is_thrown_away(caller: "types.FrameType | None") -> bool:
    """True where the caller discards the value at once, so that no test can check it."""
    if caller is None:
        return False
    key = caller.f_code, caller.f_lasti
    if key not in _dropped:
        steps = list(dis.get_instructions(caller.f_code))
        at = max(index for index, step in enumerate(steps) if step.offset <= caller.f_lasti)
        if steps[at].opname == "SEND":  # awaited: the result arrives at the end of the loop
            at = next(index for index, step in enumerate(steps) if step.offset == steps[at].argval)
        _dropped[key] = at + 1 < len(steps) and steps[at + 1].opname == "POP_TOP"
    return _dropped[key]


def _other(value: Any, text: "Callable[[Any], Any]") -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (bytes, bytearray)):
        return text(value)
    if isinstance(value, (int, float, complex)):
        kind: Any = type(value)
        return kind(value + 1)
    if isinstance(value, list):
        return [_changed(one, text) for one in value] + (value[-1:] or [0])
    if isinstance(value, tuple):
        if hasattr(value, "_replace"):
            return _other_record(value, text)
        return tuple(_changed(one, text) for one in value) + (value[-1:] or (0,))
    if type(value) is dict:
        return {**{name: _changed(one, text) for name, one in value.items()}, "_x": 0}
    if isinstance(value, (set, frozenset)):
        return value | {"_x"}
    return _changed(value, text)


def _other_record(value: Any, text: "Callable[[Any], Any]") -> Any:
    """Another named tuple; one with methods counts as an object, whose fields tests need not check."""
    held = [one for base in type(value).__mro__ if base not in (tuple, object) for one in vars(base).items()]
    ways = (types.FunctionType, property, classmethod, staticmethod)
    if any(isinstance(one, ways) and not name.startswith("_") for name, one in held):
        return value
    fields = {name: _changed(one, text) for name, one in zip(value._fields, value)}  # noqa: B905 - an old Python
    return value._replace(**fields) if tuple(fields.values()) != tuple(value) else value


def _longer(text: Any) -> Any:
    return text + ("x" if isinstance(text, str) else b"x")


def _garbled(text: Any) -> Any:
    """The text with every letter and digit replaced, so that checks of a part notice it too."""
    if isinstance(text, str):
        return text.translate(str.maketrans(RIGHT, WRONG)) + "x"
    return text.translate(bytes.maketrans(RIGHT.encode(), WRONG.encode())) + b"x"


def _changed(value: Any, text: "Callable[[Any], Any]") -> Any:
    if isinstance(value, (bool, int, float, decimal.Decimal, fractions.Fraction)):
        return value + 1
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (datetime.date, datetime.timedelta)):
        return value + datetime.timedelta(days=1)
    if isinstance(value, datetime.time):
        return value.replace(minute=(value.minute + 1) % 60)
    if isinstance(value, pathlib.PurePath):
        return value / "x"
    return value
