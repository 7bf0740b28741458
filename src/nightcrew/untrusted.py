"""Parses untrusted text safely: size and depth are checked before and after parsing.

The parsers of Python's library recurse or copy as deeply as the text is nested. Results from here are safe
for recursive code, and take time proportional to their length.
"""

import ast
import configparser
import json
import os
import re
import stat
import string
import tomllib
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import from_json

MOST_FILE_BYTES = 16 * 1024 * 1024
MOST_DEPTH = 100  # real documents and programs stay below 40
MOST_JSON_VALUES = 500_000  # each takes up to 200 bytes of memory, for 2 in the text
MOST_TOML_CHARACTERS = 512 * 1024
MOST_TOML_LINE = 20_000  # a dotted key takes quadratic time in its parts
MOST_INI_CHARACTERS = 512 * 1024
MOST_YAML_CHARACTERS = 256 * 1024
MOST_YAML_VALUES = 100_000  # with aliases expanded
MOST_PYTHON_CHARACTERS = 2 * 1024 * 1024
MOST_PYTHON_WORDS = 200_000  # words and signs: the compiler takes 2 to 5 microseconds for each
MOST_PYTHON_SCANS = 10**10  # characters: for each field of an f-string, the compiler goes over the whole text
MOST_PYTHON_BITS = 14_000  # of a number; longer ones cannot be written in decimal


class Unreadable(ValueError):
    """The text is invalid, too large or nested too deep; the message says which."""


class NotPython(Unreadable):
    """The text is not valid Python."""


def read_file(path: Path) -> bytes:
    """The content of a plain file of somebody's tree: no link, which may lead anywhere, no pipe or device.

    Raises:
        OSError: it is not there, or is a link.
        Unreadable: it is no plain file, or larger than `MOST_FILE_BYTES`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("it is no plain file")
        if status.st_size > MOST_FILE_BYTES:
            raise Unreadable(f"it has more than {MOST_FILE_BYTES:,} bytes")
        return file.read(MOST_FILE_BYTES)


def read_text(path: Path) -> str:
    """As `read_file`, decoded.

    Raises:
        OSError: it is not there, or is a link.
        Unreadable: it is no plain file, too large, or not UTF-8.
    """
    try:
        return read_file(path).decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is no UTF-8: {error}") from None


def files_in(folder: Path, *patterns: str) -> list[Path]:
    """The files of somebody's tree that match a pattern, in order, without those that a link leads to."""
    root = folder.resolve()
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(path for path in found if path.resolve() == path)


def text_of(path: Path) -> str:
    """As `read_text`, where any unreadable byte stands for itself; empty if it cannot be read."""
    try:
        return read_file(path).decode(errors="replace").replace("\r\n", "\n")
    except (OSError, Unreadable):
        return ""


def read_json(text: str | bytes, *, most_depth: int = MOST_DEPTH, most_values: int = MOST_JSON_VALUES) -> Any:
    """The JSON value in `text`, whose size the caller has checked.

    Raises:
        Unreadable: it is not JSON, is nested deeper than `most_depth`, or has more than `most_values` values.
    """
    if len(text) > most_values and _has_more_values(text, most_values):
        raise Unreadable(f"it has more than {most_values:,} values")
    try:
        value = _parsed_json(text)
    except RecursionError:
        raise Unreadable(f"it is nested deeper than {most_depth} levels") from None
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from None
    if _brackets(text) > most_depth:  # with fewer, it cannot be nested deeper
        _check_depth(value, most_depth)
    return value


def read_toml(text: str) -> dict[str, Any]:
    """The TOML document in `text`.

    Raises:
        Unreadable: it is not TOML, too large, has too long a line, or is nested too deep.
    """
    if len(text) > MOST_TOML_CHARACTERS:
        raise Unreadable(f"it has more than {MOST_TOML_CHARACTERS:,} characters")
    if max(map(len, text.split("\n"))) > MOST_TOML_LINE:
        raise Unreadable(f"it has a line of more than {MOST_TOML_LINE:,} characters")
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise Unreadable(f"it is nested deeper than {MOST_DEPTH} levels") from None
    except ValueError as error:
        raise Unreadable(f"it is not TOML: {error}") from None
    _check_depth(value, MOST_DEPTH)
    return value


def read_yaml(text: str) -> list[Any]:
    """The documents in `text`: mappings, lists, and all scalars as text.

    Raises:
        Unreadable: it is not YAML, too large, nested too deep, or its aliases expand too much.
    """
    if len(text) > MOST_YAML_CHARACTERS:
        raise Unreadable(f"it has more than {MOST_YAML_CHARACTERS:,} characters")
    if _yaml_depth(text) > MOST_DEPTH:  # checked before parsing, which takes quadratic time in the depth
        raise Unreadable(f"it is nested deeper than {MOST_DEPTH} levels")
    try:
        documents = list(yaml.load_all(text, Loader=_YamlLoader))
    except RecursionError:
        raise Unreadable(f"it is nested deeper than {MOST_DEPTH} levels") from None
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise Unreadable(f"it is not YAML: {error}") from None
    _check_depth(documents, MOST_DEPTH, MOST_YAML_VALUES)
    return documents


def read_ini(text: str, *, keeps_case: bool = False, **options: Any) -> configparser.ConfigParser:
    """The sections in `text`, without interpolation; `options` are those of the parser.

    Raises:
        Unreadable: it is not of that format, or too large.
    """
    if len(text) > MOST_INI_CHARACTERS:
        raise Unreadable(f"it has more than {MOST_INI_CHARACTERS:,} characters")
    parser = configparser.ConfigParser(**{"interpolation": None, "strict": False, **options})
    if keeps_case:
        parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        # The parser takes quadratic time in the length of white space within a line.
        parser.read_string(_LONG_GAP.sub(" ", text))
    except (configparser.Error, ValueError, AttributeError) as error:
        raise Unreadable(f"it is not an ini file: {str(error).splitlines()[0]}") from None
    return parser


def parse_python(text: str) -> ast.Module:
    """The syntax tree of `text`, which is safe for recursive code.

    Raises:
        NotPython: it is not valid Python.
        Unreadable: it is larger than `MOST_PYTHON_CHARACTERS`, or nested too deep.
    """
    if len(text) > MOST_PYTHON_CHARACTERS:
        raise Unreadable(f"it has more than {MOST_PYTHON_CHARACTERS:,} characters")
    signs = len(text.encode(errors="surrogatepass").translate(None, _NO_SIGNS))
    if signs + len(text.split()) > MOST_PYTHON_WORDS or text.count("{") * len(text) > MOST_PYTHON_SCANS:
        raise Unreadable(f"it has more than {MOST_PYTHON_WORDS:,} words and signs, or too many braces")
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))  # a byte order mark, which Python skips in files
    except (RecursionError, MemoryError):
        raise Unreadable("it is nested too deep to be parsed") from None
    except (SyntaxError, ValueError) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise NotPython(f"it is not valid Python: {getattr(error, 'msg', error)}{where}") from None
    level: list[ast.AST] = [tree]
    for _ in range(4 * MOST_DEPTH):  # one level of an expression takes several levels of the tree
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
        if any(isinstance(node, ast.Constant) and _is_too_long(node.value) for node in level):
            raise Unreadable("it has a number that is too long to be written in decimal")
    raise Unreadable("it is nested too deep to be read")


# ---------------------------------------------------------------------------------------------------------


_NO_SIGNS = (string.ascii_letters + string.digits + string.whitespace + "_").encode()
_JSON_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)  # an open one reaches to the end
_NESTED = (dict, list)
_LONG_GAP = re.compile(r"(?<=\S)[^\S\r\n]{100,}+(?=\S)")
_BRACKET = re.compile(r"[\[\]{}]")
_INDICATORS = re.compile(r"(?:^|(?<=\n))[ \t]*((?:[-?:][ \t]+)++)")


def _yaml_depth(text: str) -> int:
    """A lower bound of the nesting depth, from brackets and from the signs at the start of lines."""
    deepest = depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    signs = (len(match[1].split()) for match in _INDICATORS.finditer(text))
    return max(deepest, max(signs, default=0))


_YamlLoader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Makes nothing but mappings, lists and texts; in C where it can be had, ten times as fast."""


def _has_more_values(text: str | bytes, most: int) -> bool:
    """True if `text`, which need not be JSON, may have more than `most` values."""
    whole = text.encode(errors="replace") if isinstance(text, str) else text
    if whole.count(b'"') - whole.count(b'\\"') > 4 * most:  # two for each text, and a text for each name
        return True
    outside = _JSON_TEXT.sub(b"", whole)
    return sum(map(outside.count, (b",", b"[", b"{"))) >= most


def _parsed_json(text: str | bytes) -> Any:
    try:
        return from_json(text)  # takes a quarter of the time that the library's parser takes
    except ValueError:
        return json.loads(text)  # takes half of a character too, and its errors name the place


def _brackets(text: str | bytes) -> int:
    return (
        text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")
    )


def _is_too_long(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > MOST_PYTHON_BITS


def _check_depth(value: Any, most: int, most_values: float = float("inf")) -> None:
    level = [value] if isinstance(value, _NESTED) else []
    count = 0
    for _ in range(most):
        inner: list[Any] = []
        for item in level:
            count += len(item)
            if count > most_values:
                raise Unreadable(f"its aliases expand to more than {most_values:,} values")
            values = item.values() if isinstance(item, dict) else item
            inner += [value for value in values if isinstance(value, _NESTED)]
        if not inner:
            return
        level = inner
    raise Unreadable(f"it is nested deeper than {most} levels")
