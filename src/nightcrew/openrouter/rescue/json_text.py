"""Reads JSON as models write it: strictly first, then with repairs whose result is certain.

Everything but the last resort takes time proportional to the text. The last resort is json-repair, which may
take quadratic time, so it gets short texts only. A text that is cut within a value is never completed.
"""

import ast
import json
import re
from typing import Any

import json_repair

from nightcrew.openrouter.rescue.backslashes import are_certain
from nightcrew.untrusted import Unreadable, parse_python, read_json

MOST_CHARACTERS = 1024 * 1024
_MOST_FOR_JSON_REPAIR = 3_000
_MOST_LAYERS = 3  # of JSON in a JSON string

_FENCED = re.compile(r"\s*```[\w-]*\n(.*)\n?```\s*$", re.DOTALL)
_TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*+)("?)|([{\[])|([}\]])|(,)(?=\s*+[}\]])|([A-Za-z_]\w{0,99})(?=\s*+(?::|=))|(=>|=|:=)|(?:\s|\u00a0)++'
    r"|[^\"{\[}\],\s=]++|,",
    re.DOTALL,
)
_SPECIAL_QUOTE = re.compile(r'<\|"\|>|<escape>')
_ESCAPE = re.compile(r"\\(?:([\"\\/bfnrt]|u[0-9a-fA-F]{4})|(.)|$)", re.DOTALL)
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CLOSER = {"{": "}", "[": "]"}
_ENDS = frozenset('"}]')
_WORDS = frozenset({"true", "false", "null", "{", "["})
_MARKS = ("</", "<|", "<｜", "```", "[/")
_OPEN_QUOTE = re.compile(r"(?<=[{\[(,:=])(\s*)[“„«]")
_CLOSE_QUOTE = re.compile(r"[”“»](?=\s*[}\]),:=])")
_FIRST_QUOTE = re.compile(r"\s*+[{\[(]\s*+(?:\w{1,100}\s*+[=:]\s*+)?[“„«]")
_WIDE_COMMA = re.compile(r'(?<=["}\]])，(?=\s*+["{\[])')
_TEMPLATE = re.compile(r"(?<=[:=,(\[])(\s*)`([^`]*)`(?=\s*[,}\])])")
_NOTE = re.compile(r'("(?:[^"\\]|\\.)*+")|(?:(?<=\s)|(?<=[,{\[]))(?://|#)[^\n]*+|/\*[^*\n]{0,500}\*/')


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is or is meant to be; None if that is not certain."""
    if len(text) > MOST_CHARACTERS:
        return None
    if not text.strip():
        return {}
    value: Any = _with_plain_quotes(text)
    for _ in range(_MOST_LAYERS):
        if not isinstance(value, str):
            break
        value = _value(value)
    return value if isinstance(value, dict) else None


def read_values(text: str) -> list[Any]:
    """The JSON values that follow each other in `text`, strictly or mended; empty if it is something else."""
    try:
        return [read_json(text)]
    except Unreadable:
        pass
    decoder, values, at = json.JSONDecoder(strict=False), [], 0
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            values.append(value)
            at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n,;")) if len(values) < 50 else len(text)
    except (ValueError, RecursionError):
        return []
    return values


def mended(text: str) -> str | None:
    """`text` with trailing commas taken out, texts escaped, and brackets closed; None if a value is cut."""
    pieces: list[str] = []
    closers: list[str] = []
    last = ""
    for token in _TOKEN.finditer(text):
        content, quote, opening, closing, trailing, key, equals = token.groups()
        piece = token[0]
        if content is not None:
            if not quote:
                return None
            piece = f'"{_escaped(content)}"'
        elif opening:
            closers.append(_CLOSER[opening])
        elif closing:
            if not closers or closers.pop() != closing:
                return None
        elif trailing:
            continue
        elif key:
            piece = f'"{key}"'
        elif equals:
            piece = ":"
        elif closers and piece.startswith(_MARKS):  # what follows the object, whose end is missing
            break
        pieces.append(piece)
        last = piece if piece.strip() else last
        if closing and not closers:
            break
    if closers and last[-1:] not in _ENDS and last not in _WORDS:
        return None  # the last value may go on
    return "".join(pieces) + "".join(reversed(closers))


# ----------------------------------------------------------------------------------------------------


def _value(text: str) -> Any:
    """The first reading of `text` that yields something, by increasing tolerance."""
    fenced = _FENCED.match(text)
    text = fenced[1] if fenced else text
    repairs = (_tolerant, _literal, _without_notes, _halved, _last_resort) if are_certain(text) else ()
    for read in (_strict, _first_of_several, *repairs):
        try:
            value = read(text)
        except (ValueError, RecursionError, MemoryError, TypeError):
            continue
        if value is not None and _is_shallow(value):
            return value
    return None


def _with_plain_quotes(text: str) -> str:
    """Texts between other marks that some models use for quotes, in JSON's quotes."""
    parts = _SPECIAL_QUOTE.split(text)
    if len(parts) >= 3 and len(parts) % 2:
        return "".join(json.dumps(part) if number % 2 else part for number, part in enumerate(parts))
    if _FIRST_QUOTE.match(text):  # the quotes of prose, where JSON has its own
        text = _CLOSE_QUOTE.sub('"', _OPEN_QUOTE.sub(r'\1"', text))
    return text


def _strict(text: str) -> Any:
    return read_json(text)


def _first_of_several(text: str) -> Any:
    """Some servers send the same object twice, or an empty one before it."""
    values = [value for value in read_values(text) if value != {}]
    return values[0] if values and all(value == values[0] for value in values) else None


def _tolerant(text: str) -> Any:
    repaired = mended(text[max(0, text.find("{")) :].strip())
    return None if repaired is None else read_json(repaired)


def _literal(text: str) -> Any:
    """A Python literal: single quotes, True, None."""
    module = parse_python(text.strip())
    match module.body:
        case [ast.Expr(value=ast.Dict() as value)]:
            read = ast.literal_eval(value)
            json.dumps(read, allow_nan=False)  # a set or bytes is no JSON
            return read
    return None


def _without_notes(text: str) -> Any:
    """Without comments, with texts between backticks in quotes, and plain marks for wide ones."""
    if not any(mark in text for mark in ("//", "/*", "#", "`", "：")):
        return None
    plain = _WIDE_COMMA.sub(",", text.replace('"：', '":'))
    plain = _NOTE.sub(lambda found: found[1] or "", plain)
    plain = _TEMPLATE.sub(lambda found: f"{found[1]}{json.dumps(found[2])}", plain)
    return _tolerant(plain) if plain != text else None


def _halved(text: str) -> Any:
    """Braces that a template has doubled, in single ones."""
    stripped = text.strip()
    if not (stripped.startswith("{{") and stripped.endswith("}}")):
        return None
    return _tolerant(stripped.replace("{{", "{").replace("}}", "}"))


def _last_resort(text: str) -> Any:
    stripped = text.strip()
    whole = stripped.startswith("{") and stripped.endswith("}") and "`" not in stripped
    # After two backslashes a quote ends the text, or is part of it where the model forgot others.
    if not whole or '\\\\"' in stripped or len(stripped) > _MOST_FOR_JSON_REPAIR:
        return None
    return json_repair.repair_json(stripped, return_objects=True, skip_json_loads=True) or None


def _is_shallow(value: Any) -> bool:
    try:
        read_json(json.dumps(value))
    except (Unreadable, ValueError, TypeError, RecursionError):
        return False
    return True


def _escaped(content: str) -> str:
    """A string's content with line breaks escaped, and backslashes that escape nothing doubled."""
    plain = _ESCAPE.sub(
        lambda found: found[0] if found[1] else (found[2] if found[2] == "'" else f"\\\\{found[2] or ''}"),
        content,
    )
    return "".join(_CONTROL.get(letter) or _control(letter) for letter in plain) if _odd(plain) else plain


def _odd(content: str) -> bool:
    return any(letter < " " for letter in content)


def _control(letter: str) -> str:
    return letter if letter >= " " else f"\\u{ord(letter):04x}"
