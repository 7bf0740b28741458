"""Values beside a value: of the same type, and a little otherwise. The same ones each time."""

import itertools
from collections.abc import Iterator
from typing import Any

MOST_OF_A_CALL, MOST_DEPTH, MOST_OTHERS = 40, 3, 6


def near_calls(given: "list[Any]", words: "dict[str, Any]") -> "list[tuple[list[Any], dict[str, Any]]]":
    """Calls with one of the arguments a little otherwise; each argument has its turn."""
    each = [*(_with(given, words, index) for index in range(len(given))),
            *(_with(given, words, name) for name in words)]  # fmt: skip
    rounds = itertools.zip_longest(*each)
    return list(itertools.islice((one for turn in rounds for one in turn if one is not None), MOST_OF_A_CALL))


def _with(
    given: "list[Any]", words: "dict[str, Any]", place: "int | str"
) -> "Iterator[tuple[list[Any], dict[str, Any]]]":
    if isinstance(place, str):
        yield from ((given, {**words, place: one}) for one in near(words[place]))
    else:
        yield from (([*given[:place], one, *given[place + 1 :]], words) for one in near(given[place]))


def without_literal(
    given: "list[Any]", words: "dict[str, Any]", literal: Any
) -> "list[tuple[list[Any], dict[str, Any]]]":
    """The same call with something else where `literal` stands in an argument, or is a part of one."""
    if isinstance(literal, (str, bytes)):
        units = [literal[index : index + 1] for index in range(len(literal))]
        turned = [index for index, unit in enumerate(units) if _turned(unit) != unit]
        others = [literal[:at] + _turned(units[at]) + literal[at + 1 :] for at in turned[:MOST_OTHERS]]
    else:
        others = list(itertools.islice(near(literal), MOST_OTHERS))
    calls = [_put(literal, other, [given, words]) for other in others]
    return [(call[0], call[1]) for call in calls if call != [given, words]]


def _put(literal: Any, other: Any, value: Any) -> Any:
    """A value with `other` for `literal`."""
    if type(value) is type(literal):
        if value == literal:
            return other
        return value.replace(literal, other, 1) if isinstance(value, (str, bytes)) else value
    if type(value) in (list, tuple):
        return type(value)(_put(literal, other, one) for one in value)
    if type(value) is dict:
        return {_put(literal, other, key): _put(literal, other, held) for key, held in value.items()}
    return value


def near(value: Any, depth: int = 0) -> "Iterator[Any]":
    """Other values beside `value`; none beside what is no plain value."""
    if depth > MOST_DEPTH:
        return
    kind = type(value)
    if kind is str or kind is bytes:
        yield from _texts(value)
    elif kind is bool:
        yield not value
    elif kind is int:
        yield from (value + 1, value - 1, -value - 2, value * 10 + 3, 0)
    elif kind is float:
        yield from (value + 1.0, value * 1.5, -value, value / 3, 0.0)
    elif kind in (list, tuple):
        for index, one in enumerate(value[:4]):
            for other in itertools.islice(near(one, depth + 1), 12):
                yield kind([*value[:index], other, *value[index + 1 :]])
        yield from (value[:-1], value[1:], value + value[-1:], value[::-1]) if value else ()
    elif kind is dict:
        for name, one in list(value.items())[:4]:
            for other in itertools.islice(near(one, depth + 1), 12):
                yield {**value, name: other}
            for other in itertools.islice(near(name, depth + 1), 4):
                yield {(other if key == name else key): held for key, held in value.items()}
            yield {key: held for key, held in value.items() if key != name}


def _texts(text: "Any") -> "Iterator[Any]":
    """Other letters and digits in the same places; a little more, a little less; parts elsewhere."""
    units: list[Any] = [text[index : index + 1] for index in range(len(text))]
    plain = [index for index, unit in enumerate(units) if _turned(unit) != unit]
    empty = text[:0]
    if plain:
        yield empty.join(map(_turned, units))
    for index in dict.fromkeys(
        [*plain[-1:], *plain[:1], *plain[len(plain) // 2 : len(plain) // 2 + 1], *plain[1:4]]
    ):
        yield text[:index] + _turned(text[index : index + 1]) + text[index + 1 :]
    if not text:
        yield from ("a", " ", "0") if isinstance(text, str) else (b"a", b" ", b"0")
        return
    middle = len(text) // 2
    yield from (text + text[-1:], text[:-1], text[1:], text[:1] + text)
    yield text[1:] + text[:1]  # what stands at an end stands at the other
    yield text[1 : middle + 1] + text[:1] + text[middle + 1 :]  # or in the middle
    yield text.swapcase()
    yield from (text + text, empty)


def _turned(unit: "Any") -> "Any":
    """The next letter or digit; what is neither stays."""
    char = unit if isinstance(unit, str) else unit.decode("latin-1")
    other = char
    if char.isdigit() and char.isascii():
        other = str((int(char) + 1) % 10)
    elif char.isalpha() and char.isascii():
        first = ord("a" if char.islower() else "A")
        other = chr((ord(char) - first + 1) % 26 + first)
    return other if isinstance(unit, str) else other.encode("latin-1")
