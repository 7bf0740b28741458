"""What a changed file other than Python no longer has: keys, dependencies, steps, sections, links."""

import configparser
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from typing import Any

import yaml

from nightcrew.untrusted import read_json, read_toml
from nightcrew.validation.change.paths import is_release_note
from nightcrew.validation.questions.loss import Loss

_MOST_ENTRIES = 20_000
_MOST_CHARACTERS = 500_000
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][\w.-]*)(\[[^\]]*\])?\s*([<>=!~;@].*)?$")
_IDENTITY = (
    "name",
    "id",
    "repo",
    "uses",
    "run",
    "path",
    "key",
)  # what tells one entry of a list from another
_HEADING = re.compile(r"^(?:#{1,6}|={1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^([=\-~^\"'#*+`:.])\1{2,}\s*$")
_LINK = re.compile(r"https?://[^\s)>\]\"'`]+|\]\(([^)\s]+)\)|^\.\. _[^:]+: (\S+)", re.MULTILINE)
_DEFINED = {
    r"\.(m?[jt]sx?)": r"^\s*export\s+(?:default\s+)?(?:async\s+)?(?:function\*?|class|const|let|var"
    r"|interface|type|enum)\s+(\w+)|^\s*(?:module\.)?exports\.(\w+)\s*=",
    r"\.(ba|z|k)?sh": r"^(?:function\s+)?([\w-]+)\s*\(\)",
    r"(.*/)?(gnu)?makefile|\.mk": r"^([\w./%-]+)\s*:(?![=:])",
    r"(.*/)?justfile": r"^([\w-]+)[^:=\n]*:(?!=)",
    r"\.go": r"^func\s+(?:\([^)]*\)\s*)?([A-Z]\w*)|^type\s+([A-Z]\w*)",
    r"\.rs": r"^\s*pub\s+(?:async\s+)?(?:fn|struct|enum|trait|const)\s+(\w+)",
    r"\.(c|h|cc|cpp|hpp|java|cs|kt|php|rb)": r"^(?:[\w*&<>:,\s]+\s[*&]*)?(?:def\s+|class\s+|function\s+)?"
    r"(\w+)\s*\([^;{]*\)\s*\{",
}
_ALIKE = 0.6


def text_losses(path: str, before: str, after: str, elsewhere: str = "") -> Iterator[Loss]:
    """Losses of one file; `elsewhere`: the new text of the other changed files, where things may be."""
    name = PurePosixPath(path).name.lower()
    if is_document(path):
        yield from _sections(before, after, elsewhere)
        if not is_release_note(path):
            yield from _broken_off(before, after, elsewhere)
    elif name.endswith((".toml", ".json", ".yaml", ".yml", ".cfg", ".ini")) or name == ".coveragerc":
        yield from _structured(name, before, after, elsewhere)
    elif re.fullmatch(r"(.*requirements.*|constraints.*)\.(txt|in)", name) or name == "manifest.in":
        yield from _lines(before, after)
    else:
        yield from _definitions(path, before, after)
    yield from _shrunk(before, after)


def is_document(path: str) -> bool:
    """True for prose."""
    pure = PurePosixPath(path)
    lists = re.fullmatch(r"(.*requirements.*|constraints.*)\.txt", pure.name.lower())
    return pure.suffix.lower() in {".md", ".rst", ".adoc", ".markdown"} or (
        not lists
        and pure.suffix.lower() in {".txt", ""}
        and pure.stem.upper()
        in {"README", "CHANGES", "CHANGELOG", "HISTORY", "AUTHORS", "CONTRIBUTING", "NEWS"}
    )


def entries(name: str, text: str) -> dict[str, str] | None:
    """Every key and list entry of a structured file as `table/key` or `table/[entry]`, with the last part.

    None where the file cannot be read as what its name says.
    """
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        document = _parsed(name, text)
    except (ValueError, yaml.YAMLError, configparser.Error, RecursionError):
        return None
    found: dict[str, str] = {}
    _walk(document, "", found)
    return found


# ------------------------------------------------------------------------------------------------------


def _parsed(name: str, text: str) -> Any:
    if name.endswith(".toml"):
        return read_toml(text)
    if name.endswith(".json"):
        return read_json(text)
    if name.endswith((".yaml", ".yml")):
        return list(yaml.safe_load_all(text))
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True, strict=False)
    parser.read_string(text)
    return {
        section: {key: _value(value) for key, value in parser.items(section)} for section in parser.sections()
    }


def _value(text: str | None) -> Any:
    lines = [line.strip() for line in (text or "").split("\n") if line.strip()]
    return lines if "\n" in (text or "") else text


def _walk(value: Any, path: str, found: dict[str, str]) -> None:
    if len(found) > _MOST_ENTRIES or path.count("/") > 40:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            found[f"{path}/{key}"] = str(key)
            _walk(inner, f"{path}/{key}", found)
    elif isinstance(value, list):
        for inner in value:
            identity = _identity(inner)
            found[f"{path}/[{identity}]"] = identity
            if isinstance(inner, dict | list):
                _walk(inner, f"{path}/[{identity}]", found)


def _identity(value: Any) -> str:
    if isinstance(value, dict):
        key = next((key for key in _IDENTITY if key in value), None)
        text = str(value[key]) if key is not None else ",".join(sorted(map(str, value)))
        return text.strip().split("\n")[0].split("@")[0][:80]
    text = str(value).strip()
    match = _REQUIREMENT.match(text)
    return match[1].lower().replace("_", "-") if match else text[:120]


def _structured(name: str, before: str, after: str, elsewhere: str) -> Iterator[Loss]:
    old, new = entries(name, before), entries(name, after)
    if old is None:
        return
    if new is None:
        yield Loss(f"the file cannot be read as {name.rsplit('.', 1)[-1].upper()} any more", 1, (name,))
        return
    gone = [key for key in old if key not in new]
    kept = set(new.values())
    for key in gone:
        parent, _, _ = key.rpartition("/")
        if parent in gone or old[key] in kept or f'"{old[key]}"' in elsewhere or _is_edit(parent, old, new):
            continue
        yield Loss(f"{key.strip('/').replace('/', '.')} is gone", _line_of(old[key], before), (old[key],))


def _is_edit(parent: str, old: dict[str, str], new: dict[str, str]) -> bool:
    """True where what stood there has as many entries as before: one was replaced by another."""

    def size(found: dict[str, str]) -> int:
        return sum(key.rpartition("/")[0] == parent for key in found)

    return size(new) >= size(old)


def _lines(before: str, after: str) -> Iterator[Loss]:
    def names(text: str) -> dict[str, int]:
        rows = [(line.split("#")[0].strip(), number) for number, line in enumerate(text.split("\n"), 1)]
        return {_identity(row): number for row, number in rows if row and not row.startswith("--hash")}

    kept = names(after)
    for name, line in names(before).items():
        if name not in kept:
            yield Loss(f"{name} is gone", line, (name,))


def _definitions(path: str, before: str, after: str) -> Iterator[Loss]:
    pattern = next((one for name, one in _DEFINED.items() if re.search(rf"({name})$", path.lower())), None)
    if pattern is None:
        return
    kept = {next(filter(None, match.groups()), "") for match in re.finditer(pattern, after, re.MULTILINE)}
    for match in re.finditer(pattern, before, re.MULTILINE):
        name = next(filter(None, match.groups()), "")
        if name and name not in kept and name not in {"if", "for", "while", "switch", "return", ".PHONY"}:
            yield Loss(f"{name} is gone", before.count("\n", 0, match.start(0)) + 1, (name,))


def _sections(before: str, after: str, elsewhere: str) -> Iterator[Loss]:
    old, new = _headings(before), _headings(after)
    fresh = [one for one in new if one not in old]
    for heading, line in old.items():
        if heading in new or heading in elsewhere or len(new) >= len(old):
            continue
        if not any(SequenceMatcher(None, heading, one).ratio() >= _ALIKE for one in fresh):
            yield Loss(f"the section {heading[:80]!r} is gone", line, (heading, "section"))


def _broken_off(before: str, after: str, elsewhere: str) -> Iterator[Loss]:
    links, kept = _links(before), _links(after)
    if len(kept) < len(links):
        for link, line in links.items():
            if link not in kept and link not in elsewhere and link not in after:
                yield Loss(f"the link to {link[:120]} is gone", line, (link, "link", "links"))


def _headings(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    lines, fenced = text.split("\n"), False
    for number, line in enumerate(lines, 1):
        fenced ^= line.lstrip().startswith("```")
        match = _HEADING.match(line)
        if not fenced and match:
            found[match[1].strip()] = number
        elif not fenced and number > 1 and _UNDERLINE.match(line):
            title = lines[number - 2].strip()
            if title and len(line.strip()) >= len(title) - 1 and not _UNDERLINE.match(title):
                found[title] = number - 1
    return found


def _links(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for match in _LINK.finditer(text):
        link = (match[1] or match[2] or match[0]).rstrip(".,;:")
        found.setdefault(link, text.count("\n", 0, match.start()) + 1)
    return found


def _shrunk(before: str, after: str) -> Iterator[Loss]:
    """Text of which a large part is gone, whatever it says."""
    old = [line.strip() for line in before.split("\n") if line.strip()]
    kept = {line.strip() for line in after.split("\n")}
    lost = sum(line not in kept for line in old)
    new = sum(1 for line in after.split("\n") if line.strip())
    if lost > 10 and lost > 0.3 * len(old) and new < 0.8 * len(old):
        yield Loss(f"{lost} of {len(old)} lines are gone", 1, ("lines", "shorten", "content"))


def _line_of(word: str, text: str) -> int:
    at = text.find(word.split("\n")[0])
    return text.count("\n", 0, at) + 1 if at >= 0 else 1
