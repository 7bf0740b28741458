"""Text that a reader cannot see, cannot read, or that is addressed to programs instead of people."""

import ast
import re
import unicodedata
from collections.abc import Iterator

from nightcrew.validation.questions.powers import Power, Use
from nightcrew.validation.reading.form import plain_statements
from nightcrew.validation.reading.suite import nodes_of
from nightcrew.validation.tables import Table

_FAR, _BLANKS = 180, 40  # a column beyond the edge of a window; this many blanks in a row push text there
_FEW_LINES, _SHARE_OF_LINES = 25, 0.7  # that only look different
_LONG = 2_000  # characters of a line that is too long for a reader
_VALUES = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|\b\d[\w.]*|\b(?:None|True|False)\b")
_CODE = re.compile(r"[A-Za-z_]")  # beside texts and numbers
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}|(?:\\x[0-9a-fA-F]{2}){40,}|(?:0x[0-9a-fA-F]{1,2},\s*){60,}")
_UNSEEN = {
    0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2028, 0x2029, 0x3164, 0xFFA0, 0x0085,
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xE0000, 0xE1000),
}  # fmt: skip
_NAMING = ("id", "name", "attr", "arg", "asname")
_GREEK = set("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρυ")  # look the same as Latin letters; the others are common in formulas
_ALIKE = {"CYRILLIC", "ARMENIAN", "CHEROKEE"}
_JOINERS = {0x200C, 0x200D}  # part of emoji and of some scripts
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!$)")
_HOST = re.compile(
    r"(?:https?|ftp|wss?|git|ssh)://(?:[^\s/@'\"]*@)?([^\s/:'\"<>()\[\]{}`,;\\#?]+)", re.IGNORECASE
)
_TABLE = Table("hidden_text")
_MADE_UP = _TABLE.pattern("hosts", "made_up")
_KNOWN = _TABLE.words("hosts", "known")
_AGENTS = _TABLE.pattern("agents", "instructions", re.IGNORECASE)


def hidden_text(before: str, after: str, *, is_code: bool, reads_hosts: bool = True) -> Iterator[Use]:
    """What new lines hide; `is_code` means that a reader expects every character to run."""
    known = set(before.split("\n"))
    hosts = {match[1].lower() for match in _HOST.finditer(before)}
    lines = after.split("\n")
    for number, (line, following) in enumerate(zip(lines, [*lines[1:], ""], strict=True), 1):
        if line not in known:
            yield from (
                Use(power, what, number)
                for power, what in _of_line(line, hosts if reads_hosts else None, is_code)
            )
            found = _AGENTS.search(f"{line} {following.strip()}"[:_LONG])
            if found and found.start() < len(line):
                yield Use(Power.AGENTS, repr(found[0][:80]), number)


def disguised_name(tree: ast.Module) -> str | None:
    """The first name that mixes Latin letters with letters of another script that look the same."""
    held = (getattr(node, word, None) for node in nodes_of(tree) for word in _NAMING)
    names = (name for name in held if isinstance(name, str) and not name.isascii())
    return next(filter(_is_mixed, names), None)


def hosts_in(text: str) -> set[str]:
    """Hosts that a text names in addresses, without example hosts and names of the local machine."""
    found = {match[1].lower().rstrip(".") for match in _HOST.finditer(text)}
    return {host for host in found if "." in host and not _MADE_UP.search(host)}


def hidden_among_others(before: str, after: str) -> Iterator[Use]:
    """A change of behaviour between many lines that only look different and behave as before."""
    known = {line.strip() for line in before.split("\n")}
    lines = enumerate(after.split("\n"), 1)
    fresh = {number for number, line in lines if line.strip() and line.strip() not in known}
    first, second = plain_statements(before), plain_statements(after)
    same = {line for dump in first.keys() & second.keys() for line in second[dump]} & fresh
    is_other = first.keys() != second.keys()
    if is_other and len(same) >= _FEW_LINES and len(same) >= _SHARE_OF_LINES * len(fresh):
        what = f"a change among {len(same)} lines that only look different"
        yield Use(Power.HIDDEN, what, min(fresh - same, default=min(same)))


# ------------------------------------------------------------------------------------------------------


def _of_line(line: str, hosts: set[str] | None, is_code: bool) -> Iterator[tuple[Power, str]]:
    far = re.search(rf"\S\s{{{_BLANKS},}}(\S.*)$|^\s{{{_FAR},}}(\S.*)$", line)
    if far and is_code and (far.start(1) >= _FAR or far.start(2) >= _FAR):
        yield Power.HIDDEN, f"text at column {max(far.start(1), far.start(2)) + 1}, behind blanks"
    control = _CONTROL.search(line)
    if control:
        yield Power.HIDDEN, f"the control character {control[0]!r}"
    unseen = next((char for index, char in enumerate(line) if _is_unseen(line, index, char)), None)
    if unseen is not None:
        yield Power.HIDDEN, f"the invisible character U+{ord(unseen):04X}"
    if is_code and len(line) > _LONG and _CODE.search(_VALUES.sub("", line)[_FAR:]):
        yield Power.HIDDEN, f"code in a line of {len(line):,} characters, which nobody reads"
    elif is_code and _BLOB.search(line) and '"image/' not in line:
        yield Power.HIDDEN, "encoded text that nobody can read"
    for match in _HOST.finditer(line) if hosts is not None else ():
        looks = _looks_like(match[1].lower().rstrip("."), hosts or set())
        if looks:
            yield Power.HIDDEN, f"the host {match[1]}, which {looks}"


def _is_unseen(line: str, index: int, char: str) -> bool:
    code = ord(char)
    if code < 128 or (code not in _UNSEEN and not 0xFE00 <= code <= 0xFE0F):
        return False
    if 0xFE00 <= code <= 0xFE0F:  # one after a character selects its look; several in a row encode a text
        return index > 0 and 0xFE00 <= ord(line[index - 1]) <= 0xFE0F
    between = 0 < index < len(line) - 1 and ord(line[index - 1]) > 0x7F and ord(line[index + 1]) > 0x7F
    return not (code in _JOINERS and between)


def _looks_like(host: str, known: set[str]) -> str:
    """How a reader could mistake a host for another one; empty where that is not possible."""
    if host.startswith("xn--") or ".xn--" in host:
        return "is written in other letters than it shows"
    if not host.isascii():
        scripts = {_script(char) for char in host if char.isalpha()}
        return "mixes letters of several scripts" if len(scripts) > 1 else ""
    for other in sorted({*_KNOWN, *known}):
        if host != other and not host.endswith(f".{other}") and _is_near(host, other):
            return f"looks like {other}"
    return ""


def _is_mixed(name: str) -> bool:
    letters = [char for char in name if char.isalpha()]
    others = (char in _GREEK or _script(char) in _ALIKE for char in letters)
    return any(others) and any(_script(char) == "LATIN" for char in letters)


def _script(char: str) -> str:
    return unicodedata.name(char, "?").split(" ")[0]


def _is_near(one: str, other: str) -> bool:
    """True for two names that differ by one letter: replaced, added, missing, or swapped."""
    if len(other) < 7 or abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return _plain(one) == _plain(other)
    if len(one) == len(other):
        different = [index for index in range(len(one)) if one[index] != other[index]]
        if any(one[index].isdigit() and other[index].isdigit() for index in different):
            return False
        swapped = (
            len(different) == 2
            and one[different[0]] == other[different[1]]
            and one[different[1]] == other[different[0]]
        )
        return len(different) == 1 or swapped
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))


def _plain(host: str) -> str:
    return host.replace("0", "o").replace("1", "l").replace("rn", "m").replace("vv", "w").replace("-", "")
