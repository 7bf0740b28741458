"""Values similar to a value: of the same type and slightly different. They are the same each time."""

import copy
import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Any

MOST_OF_A_CALL, MOST_DEPTH, MOST_OTHERS = 50, 3, 6
MOST_HELD = 9  # values tried for an attribute: three of other lengths, and some for each of its first items
FOREIGN = "é{}ßİ"  # letters whose cases, lengths and encodings differ from those of ASCII
SPACED = "\u2003{}\u00a0"  # blanks other than the usual one
DIGITS = {ord("0") + one: 0x660 + one for one in range(10)}  # digits of another script
SEPARATORS = ("\n", ", ", ",", "; ", ";", "&", " ")
LONG, MOST_REPEATED = 600, 20  # characters of a long text, and of a text that is repeated for one


class Text(str):
    """A subclass of str, because callers use such classes."""


class Items(list):  # type: ignore[type-arg]
    """A subclass of list."""


def near_calls(
    given: "list[Any]",
    words: "dict[str, Any]",
    values: "Sequence[Any]" = (),
    marks: "Sequence[int | str]" = (),
) -> "list[tuple[list[Any], dict[str, Any]]]":
    """Calls with one argument slightly changed, or replaced by one of `values`; arguments take turns.
    `marks`: places and names of arguments whose texts stand for something, so that another means nothing."""
    places: list[int | str] = [*range(len(given)), *words]
    held = ((one, words[one] if isinstance(one, str) else given[one]) for one in places)
    each = [
        _with(given, words, one, values) for one, value in held if one not in marks or type(value) is not str
    ]
    rounds = itertools.zip_longest(*each)
    return list(itertools.islice((one for turn in rounds for one in turn if one is not None), MOST_OF_A_CALL))


def with_nothing(given: "list[Any]", words: "dict[str, Any]") -> "list[tuple[list[Any], dict[str, Any]]]":
    """Calls in which the first item of a list or tuple is None."""
    found: list[tuple[list[Any], dict[str, Any]]] = []
    for place in [*range(len(given)), *words]:
        value = words[place] if isinstance(place, str) else given[place]
        if type(value) in (list, tuple) and value:
            other = type(value)([None, *value[1:]])
            if isinstance(place, str):
                found.append((given, {**words, place: other}))
            else:
                found.append(([*given[:place], other, *given[place + 1 :]], words))
    return found


def _with(
    given: "list[Any]", words: "dict[str, Any]", place: "int | str", values: "Sequence[Any]"
) -> "Iterator[tuple[list[Any], dict[str, Any]]]":
    value = words[place] if isinstance(place, str) else given[place]
    for one in itertools.chain(_with_values(value, values), near(value)):
        if isinstance(place, str):
            yield given, {**words, place: one}
        else:
            yield [*given[:place], one, *given[place + 1 :]], words


def _with_values(value: Any, values: "Sequence[Any]") -> "Iterator[Any]":
    """Values in place of `value` or of its first element; texts also before and after it."""
    if type(value) in (list, tuple) and value:
        yield from (type(value)([one, *value[1:]]) for one in _with_values(value[0], values))
    for one in values:
        if type(one) is type(value):
            yield from (one, one + value, value + one) if isinstance(one, (str, bytes)) else (one,)


def without_literal(
    given: "list[Any]", words: "dict[str, Any]", literal: Any
) -> "list[tuple[list[Any], dict[str, Any]]]":
    """The same call with another value in place of `literal`, which is an argument or a part of one."""
    if isinstance(literal, (str, bytes)):
        units = [literal[index : index + 1] for index in range(len(literal))]
        turned = [index for index, unit in enumerate(units) if _turned(unit) != unit]
        others = [literal[:at] + _turned(units[at]) + literal[at + 1 :] for at in turned[:MOST_OTHERS]]
    else:
        others = list(itertools.islice(near(literal), MOST_OTHERS))
    # Where the literal is in no argument, the call would be the same and show nothing.
    calls = [_put(literal, other, [given, words]) for other in others]
    return [(call[0], call[1]) for call in calls if call != [given, words]]


def is_equal(one: Any, other: Any) -> bool:
    """True for values that compare equal, whatever their types, and for objects of a subclass made of the
    same attributes; False where they cannot be compared."""
    try:
        return bool(one == other) or _is_derived(one, other)
    except Exception:
        return False


def _is_derived(one: Any, other: Any) -> bool:
    if isinstance(one, (list, dict)) and type(one) is type(other) and len(one) == len(other):
        keys = one if isinstance(one, dict) else range(len(one))
        return all(_is_derived(one[key], other[key]) for key in keys)
    # `_of_subclass` makes a new class each time, so those of two runs are never the same object.
    kind, base = (held if isinstance(held, type) else type(held) for held in (one, other))
    if one is other or kind.__name__ != f"Sub{base.__name__}":
        return one is other
    return kind is one or vars(one) == vars(other)


def _put(literal: Any, other: Any, value: Any) -> Any:
    """The value with `literal` replaced by `other`."""
    if type(value) is type(literal):
        if value == literal:
            return other
        return value.replace(literal, other, 1) if isinstance(value, (str, bytes)) else value
    if type(value) in (list, tuple):
        return type(value)(_put(literal, other, one) for one in value)
    if type(value) is dict:
        return {_put(literal, other, key): _put(literal, other, held) for key, held in value.items()}
    for name, held in _attributes(value).items():
        changed = _put(literal, other, held)
        if type(changed) is not type(held) or repr(changed) != repr(held):
            return _with_attribute(value, name, changed)
    return value


def near(value: Any, depth: int = 0) -> "Iterator[Any]":
    """Values similar to `value`, each once; none where it is not a plain value."""
    seen = {(type(value), repr(value))}
    for one in _near(value, depth) if depth <= MOST_DEPTH else ():
        key = type(one), repr(one)
        if key not in seen:
            seen.add(key)
            yield one


def _near(value: Any, depth: int) -> "Iterator[Any]":
    kind = type(value)
    if kind is str or kind is bytes:
        yield from _texts(value)
    elif kind is bool:
        yield not value
    elif kind is int:
        yield from (value + 1, value - 1, -value - 2, value * 10 + 3, 0, -1, 10**12, True)
    elif kind is float:
        yield from (value + 1.0, value * 1.5, -value, value / 3, 0.0, 1e300)
    elif kind in (list, tuple):
        yield from _sequences(value, depth)
    elif kind is dict:
        yield from _tables(value, depth)
    else:
        yield from _of_subclass(value)
        for name, one in list(_attributes(value).items())[:4]:
            for other in itertools.islice(near(one, depth + 1), MOST_HELD):
                yield _with_attribute(value, name, other)


def _sequences(value: "Any", depth: int) -> "Iterator[Any]":
    """Sequences that are shorter, longer, in another order, or have another value in a first place."""
    kind = type(value)
    yield from (value[:0], value * 3, *([Items(value)] if kind is list else []))
    each = [
        [(index, other) for other in itertools.islice(near(one, depth + 1), 12)]
        for index, one in enumerate(value[:4])
    ]
    for index, other in (one for turn in itertools.zip_longest(*each) for one in turn if one is not None):
        yield kind([*value[:index], other, *value[index + 1 :]])
    yield from (value[:-1], value[1:], value + value[-1:], value[::-1]) if value else ()


def _tables(value: "dict[Any, Any]", depth: int) -> "Iterator[Any]":
    """Tables without an entry, in another order, or with another value or key for a first entry."""
    yield from ({}, dict(reversed(list(value.items()))))
    for name, one in list(value.items())[:4]:
        for other in itertools.islice(near(one, depth + 1), 12):
            yield {**value, name: other}
        for other in itertools.islice(near(name, depth + 1), 4):
            yield {(other if key == name else key): held for key, held in value.items()}
        yield {key: held for key, held in value.items() if key != name}


def _of_subclass(value: Any) -> "Iterator[Any]":
    """A subclass of one of the project's own classes, or an object of it: callers derive classes."""
    kind: Any = value if isinstance(value, type) else type(value)
    if kind.__module__.split(".")[0] in {"builtins", *getattr(sys, "stdlib_module_names", ())}:
        return
    try:
        derived = type(kind)(f"Sub{kind.__name__}", (kind,), {"__slots__": (), "__module__": kind.__module__})
        made = derived if value is kind else copy.copy(value)
        if made is not derived:
            made.__class__ = derived
    except Exception:
        return
    yield made


def _attributes(value: Any) -> "dict[str, Any]":
    """The plain attributes of an object of one of the project's own classes."""
    held = getattr(value, "__dict__", None)
    if not isinstance(held, dict) or isinstance(value, type) or callable(value):
        return {}
    plain = (str, bytes, bool, int, float, list, tuple, dict)
    return {name: one for name, one in held.items() if type(one) in plain}


def _with_attribute(value: Any, name: str, other: Any) -> Any:
    """A copy of the object with another attribute; the object itself where it cannot be copied."""
    try:
        made = copy.copy(value)
        vars(made)[name] = other
    except Exception:
        return value
    return made


def _texts(text: "Any") -> "Iterator[Any]":
    """Texts with other letters and digits, slightly longer or shorter, or with parts moved."""
    units: list[Any] = [text[index : index + 1] for index in range(len(text))]
    plain = [index for index, unit in enumerate(units) if _turned(unit) != unit]
    empty = text[:0]
    if plain:
        yield empty.join(map(_turned, units))
        yield text + text[-1:]  # which begins with the whole text
        other = text[: plain[0]] + _turned(units[plain[0]]) + text[plain[0] + 1 :]
        yield text + (", " if isinstance(text, str) else b", ") + other  # two items, of which one may count
    for index in dict.fromkeys(
        [*plain[-1:], *plain[:1], *plain[len(plain) // 2 : len(plain) // 2 + 1], *plain[1:4]]
    ):
        yield text[:index] + _turned(text[index : index + 1]) + text[index + 1 :]
    if not text:
        yield from ("a", " ", "0") if isinstance(text, str) else (b"a", b" ", b"0")
        return
    yield empty
    if isinstance(text, str):
        yield from (
            FOREIGN.format(text),
            f" {text} ",
            Text(text),
            SPACED.format(text),
            text.translate(DIGITS),
        )
    if len(text) <= MOST_REPEATED:
        yield text * (LONG // len(text))
    middle = len(text) // 2
    yield from (text + text[-1:], text[:-1], text[1:], text[:1] + text)
    yield text[1:] + text[:1]  # the text at one end moves to the other
    yield text[1 : middle + 1] + text[:1] + text[middle + 1 :]  # or in the middle
    yield text.swapcase()
    yield from _items(text)
    yield from (text + text, text * 3, text[::-1])


def _items(text: "Any") -> "Iterator[Any]":
    """Texts of several items in another order, or with one that stands twice and differs in its first or last
    letter: the first of such items may count, or the last."""
    for mark in SEPARATORS if isinstance(text, str) else [one.encode() for one in SEPARATORS]:
        first, *rest = text.split(mark)
        plain = [at for at in range(len(first)) if _turned(first[at : at + 1]) != first[at : at + 1]]
        if rest and plain:
            for at in dict.fromkeys((plain[0], plain[-1])):
                other = first[:at] + _turned(first[at : at + 1]) + first[at + 1 :]
                yield mark.join([first, other, *rest])
            yield mark.join([*reversed(rest), first])
            return


def _turned(unit: "Any") -> "Any":
    """The next letter or digit; any other character stays."""
    char = unit if isinstance(unit, str) else unit.decode("latin-1")
    other = char
    if char.isdigit() and char.isascii():
        other = str((int(char) + 1) % 10)
    elif char.isalpha() and char.isascii():
        first = ord("a" if char.islower() else "A")
        other = chr((ord(char) - first + 1) % 26 + first)
    return other if isinstance(unit, str) else other.encode("latin-1")
