"""Redacts secrets from streamed answers, even when a secret is split between chunks.

A provider may repeat the key, half of it in one chunk and half in the next. So the end of a text that may be
the start of a secret is held back until more text arrives; everything else is passed on at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nightcrew.secrets.known_secrets import KnownSecrets
from nightcrew.secrets.redaction import known_secrets

type Place = tuple[str | int, ...]
"""The path of a text in a choice's delta: field names, and the `index` of list items."""


def without_split_secrets(
    chunks: Iterator[dict[str, Any]], secrets: KnownSecrets = known_secrets
) -> Iterator[dict[str, Any]]:
    """The chunks, redacted so that they contain no secret even when joined."""
    held = HeldText(secrets)
    for chunk in chunks:
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            yield chunk
            continue
        yield {**chunk, "choices": [held.pass_on(choice) for choice in choices]}


class HeldText:
    """The held-back ends of an answer's texts."""

    def __init__(self, secrets: KnownSecrets) -> None:
        self._secrets = secrets
        self._held: dict[Place, str] = {}

    def pass_on(self, choice: Any) -> Any:
        """A choice of a chunk with the text that can be passed on; all of it if the choice ends here."""
        if not isinstance(choice, Mapping):
            return choice
        number = choice.get("index") or 0
        delta = self._take(choice.get("delta"), (number,))
        if choice.get("finish_reason") is not None:
            delta = self._release(delta, number)
        return {**choice, "delta": delta}

    def _take(self, value: Any, place: Place) -> Any:
        if isinstance(value, str):
            ready, self._held[place] = self._secrets.split(
                self._secrets.redact(self._held.get(place, "") + value)
            )
            return ready
        if isinstance(value, Mapping):
            return {
                name: item if name in _FIXED else self._take(item, (*place, name))
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._take(item, (*place, _index(item, at))) for at, item in enumerate(value)]
        return value

    def _release(self, delta: Any, number: int) -> Any:
        for place in [place for place in self._held if place[0] == number]:
            if text := self._held.pop(place):
                delta = _with_text(delta, place[1:], text)
        return delta


# ----------------------------------------------------------------------------------------------------

_FIXED = {"role", "type", "id", "name", "format", "signature"}
"""Fields that are never split, holding one of a few words or a name."""


def _index(item: Any, at: int) -> int:
    index = item.get("index") if isinstance(item, Mapping) else None
    return index if isinstance(index, int) else at


def _with_text(value: Any, place: Place, text: str) -> Any:
    """`value` with `text` appended to the text at `place`."""
    if not place:
        return (value if isinstance(value, str) else "") + text
    first, rest = place[0], place[1:]
    if isinstance(first, str):
        known = value if isinstance(value, Mapping) else {}
        return {**known, first: _with_text(known.get(first), rest, text)}
    items = list(value) if isinstance(value, list) else []
    for at, item in enumerate(items):
        if _index(item, at) == first:
            return [*items[:at], _with_text(item, rest, text), *items[at + 1 :]]
    made = _with_text(None, rest, text)
    return [*items, {"index": first, **made} if isinstance(made, Mapping) else made]
