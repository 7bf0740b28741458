"""What a changed file other than Python no longer contains: keys, dependencies, steps, sections, links."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from nightcrew.untrusted import read_ini, read_json, read_toml, read_yaml
from nightcrew.validation.change.paths import is_release_note
from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.tables import Table
from nightcrew.validation.verdict import Severity

_MOST_ENTRIES = 20_000
_MOST_CHARACTERS = 500_000
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][\w.-]*)(\[[^\]]*\])?\s*([<>=!~;@].*)?$")
_IDENTITY = ("name", "id", "repo", "uses", "run", "path", "key")  # identifies an entry of a list
_HEADING = re.compile(r"(?:#{1,6}|={1,6})\s+(.*)")
_UNDERLINE = re.compile(r"^([=\-~^\"'#*+`:.])\1{2,}\s*$")
_LINK = re.compile(  # of one line
    r"https?://[^\s)>\]\"'`]+|\]\(([^)\s]{1,400}+)\)|^\.\. _[^:]{1,200}+: (\S+)"
)
_DEFINED: dict[str, str] = Table("interfaces").sections["definitions"]
_C_LIKE = re.compile(r"\.(c|h|cc|cpp|hpp|java|cs|kt|php|rb)$")
_HEAD = re.compile(r"(?:[\w*&<>:,~ \t]*[\s*&:])?(\w+)[ \t]*")
_LONGEST_HEAD = 300  # characters of a function's name with the text before it
_LONGEST_PARAMETERS = 600
_END_OF_PARAMETERS = re.compile("[;{]")
_TELLING = re.compile(r"[a-z][\w-]{3,}|\d[\w.]*\w")  # words that say something, and numbers
_ALIKE = 0.6
_LONGEST_SECTION = 20_000  # characters that are compared
_MOST_COMPARED, _LONGEST_HEADING = 100, 200
_MOST_LOSSES = 500  # of one file; a person would not read more


def text_losses(path: str, before: str, after: str, elsewhere: str = "") -> Iterator[Loss]:
    """Losses of one file; things may have moved to `elsewhere`, the new text of the other changed files."""
    return islice(_losses(path, before, after, elsewhere), _MOST_LOSSES)


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

    None where the file cannot be parsed as the format that its name says.
    """
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        document = _parsed(name, text)
    except (ValueError, RecursionError):
        return None
    found: dict[str, str] = {}
    _walk(document, "", found)
    return found


# ------------------------------------------------------------------------------------------------------


def _losses(path: str, before: str, after: str, elsewhere: str) -> Iterator[Loss]:
    name = PurePosixPath(path).name.lower()
    if is_document(path):
        yield from _prose(path, before, after, elsewhere)
        return
    if name.endswith((".toml", ".json", ".yaml", ".yml", ".cfg", ".ini")) or name == ".coveragerc":
        yield from _structured(name, before, after, elsewhere)
    elif re.fullmatch(r"(.*requirements.*|constraints.*)\.(txt|in)", name) or name == "manifest.in":
        yield from _lines(before, after)
    else:
        yield from _definitions(path, before, after)
    yield from _shrunk(before, after)


def _prose(path: str, before: str, after: str, elsewhere: str) -> Iterator[Loss]:
    """Losses of a document, which a person decides on where no attempt is left: a rewriter may mean them."""
    found = [*_sections(before, after, elsewhere), *_shrunk(before, after)]
    if not is_release_note(path):
        found += _broken_off(before, after, elsewhere)
    yield from (replace(one, severity=Severity.UNPROVEN) for one in found)


def _parsed(name: str, text: str) -> Any:
    if name.endswith(".toml"):
        return read_toml(text)
    if name.endswith(".json"):
        return read_json(text)
    if name.endswith((".yaml", ".yml")):
        return read_yaml(text)
    parser = read_ini(text, allow_no_value=True)
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
    sizes = [Counter(key.rpartition("/")[0] for key in found) for found in (old, new or {})]
    if new is None:
        yield Loss(f"the file cannot be read as {name.rsplit('.', 1)[-1].upper()} any more", 1, (name,))
        return
    gone = dict.fromkeys(key for key in old if key not in new)
    kept = set(new.values())
    for key in gone:
        parent, _, _ = key.rpartition("/")
        # Where there are as many entries as before, another entry replaced the missing one.
        is_edit = sizes[1][parent] >= sizes[0][parent]
        if parent in gone or is_edit or old[key] in kept or f'"{old[key]}"' in elsewhere:
            continue
        yield Loss(f"{key.strip('/').replace('/', '.')} is gone", _line_of(old[key], before), (old[key],))


def _lines(before: str, after: str) -> Iterator[Loss]:
    def names(text: str) -> dict[str, int]:
        rows = [(line.split("#")[0].strip(), number) for number, line in enumerate(text.split("\n"), 1)]
        return {_identity(row): number for row, number in rows if row and not row.startswith("--hash")}

    kept = names(after)
    for name, line in names(before).items():
        if name not in kept:
            yield Loss(f"{name} is gone", line, (name,))


def _definitions(path: str, before: str, after: str) -> Iterator[Loss]:
    kept = {name for name, _ in _defined(path, after)}
    for name, line in _defined(path, before):
        if name not in kept and name not in {"if", "for", "while", "switch", "return", ".PHONY"}:
            yield Loss(f"{name} is gone", line, (name,))


def _defined(path: str, text: str) -> Iterator[tuple[str, int]]:
    """Names that a program's text defines, with their lines."""
    if _C_LIKE.search(path.lower()):
        yield from _functions(text)
        return
    pattern = next((one for name, one in _DEFINED.items() if re.search(rf"({name})$", path.lower())), None)
    for number, line in enumerate(text.split("\n") if pattern else (), 1):
        if pattern and (match := re.match(pattern, line)):
            yield from ((name, number) for name in match.groups() if name)


def _functions(text: str) -> Iterator[tuple[str, int]]:
    """Functions of languages with braces: a name, parameters, and a body."""
    at = 0
    for number, line in enumerate(text.split("\n"), 1):
        opens = line.find("(", 0, _LONGEST_HEAD)
        head = _HEAD.fullmatch(line, 0, opens) if opens > 0 else None
        if head is not None:
            end = _END_OF_PARAMETERS.search(text, at + opens, at + opens + _LONGEST_PARAMETERS)
            if end is not None and end[0] == "{" and text[at + opens : end.start()].rstrip().endswith(")"):
                yield head[1], number
        at += len(line) + 1


def _sections(before: str, after: str, elsewhere: str) -> Iterator[Loss]:
    old, new = _headings(before), _headings(after)
    fresh = [one for one in new if one not in old][:_MOST_COMPARED]
    compared, lines = 0, {line.strip(" *_:`") for line in after.split("\n")}
    texts, known = _texts(before, old.values()), {line.strip() for line in before.split("\n")}
    come = (line for line in f"{after}\n{elsewhere}".split("\n") if line.strip() not in known)
    others = _telling("\n".join(come)) if old.keys() - new.keys() else set()
    for heading, line in old.items():
        if heading in new or heading in lines or heading in elsewhere or len(new) >= len(old):
            continue
        compared += 1
        renamed = compared <= _MOST_COMPARED and any(_is_alike(heading, one) for one in fresh)
        words = _telling(texts.get(line, ""))
        is_kept = bool(words) and len(words & others) >= _ALIKE * len(words)  # written anew, or moved
        if not renamed and not is_kept:
            yield Loss(f"the section {heading[:80]!r} is gone", line, (heading, "section"))


def _texts(text: str, headings: Iterable[int]) -> dict[int, str]:
    """The text below each heading, by the heading's line."""
    lines, starts = text.split("\n"), sorted(set(headings))
    ends = [*(one - 1 for one in starts[1:]), len(lines)][: len(starts)]
    return {
        start: "\n".join(lines[start:end])[:_LONGEST_SECTION] for start, end in zip(starts, ends, strict=True)
    }


def _telling(text: str) -> set[str]:
    return set(_TELLING.findall(text.lower()))


def _is_alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one[:_LONGEST_HEADING], other[:_LONGEST_HEADING]).ratio() >= _ALIKE


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
        heading = match[1].rstrip().rstrip("#").strip() if match else ""
        if not fenced and heading:  # in a code block, `# word` is a comment of a shell
            found[heading] = number
        elif not fenced and number > 1 and _UNDERLINE.match(line):
            title = lines[number - 2].strip()
            if title and len(line.strip()) >= len(title) - 1 and not _UNDERLINE.match(title):
                found[title] = number - 1
    return found


def _links(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        for match in _LINK.finditer(line):
            found.setdefault((match[1] or match[2] or match[0]).rstrip(".,;:"), number)
    return found


def _shrunk(before: str, after: str) -> Iterator[Loss]:
    """A loss where a large part of any other text was removed."""
    old = [line.strip() for line in before.split("\n") if line.strip()]
    kept = {line.strip() for line in after.split("\n")}
    lost = sum(line not in kept for line in old)
    new = sum(1 for line in after.split("\n") if line.strip())
    if lost > 10 and lost > 0.3 * len(old) and new < 0.8 * len(old):
        yield Loss(f"{lost} of {len(old)} lines are gone", 1, ("lines", "shorten", "content"))


def _line_of(word: str, text: str) -> int:
    at = text.find(word.split("\n")[0])
    return text.count("\n", 0, at) + 1 if at >= 0 else 1
