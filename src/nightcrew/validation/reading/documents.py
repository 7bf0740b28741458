"""The parts of a document (Markdown, reStructuredText, plain text) that can be checked: code and places."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nightcrew.validation.tables import Table

_FENCE = re.compile(r"^\s{0,3}(?:> ?)?(`{3,}|~{3,})\s*\{?\.?([\w+-]*)[^`\n]*$", re.MULTILINE)
_RST_CODE = re.compile(
    r"^\.\. (?:code-block|code|sourcecode)::[ \t]*+(\w*+)[^\n]*+\n((?:[ \t][^\n]*\n|\n)+)", re.MULTILINE
)
_OF_DIRECTIVE = re.compile(r"\A(?:[ \t]+:[\w-]+:[^\n]*\n)+")  # its options
_LINK = re.compile(
    r"\[[^\]\n]{0,300}\]\(([^)\s]{1,1000}+)[^)\n]{0,300}\)|^[ \t]*\[[^\]\n]{1,300}\]:\s*+(\S+)", re.MULTILINE
)
_HOST = re.compile(r"https?://([\w.-]+)", re.IGNORECASE)
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]+)\b")
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.\w{1,5})`")
_INSTALL = re.compile(
    r"\b(?:pip3?|pipx|uv(?: pip| tool)?|poetry|pdm|conda|npm|apt(?:-get)?|brew)[ \t]+"
    r"(?:-\S{1,100}[ \t]+){0,20}(?:install|add)[ \t]+([^\n;&|`]+)"
)
_PACKAGE = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*)(?:\[[^\]]*\])?(?:[=<>~!]=?[\w.*]+)?(?=[\s'\"]|$)")
_PYTHON = {"python", "py", "python3", "pycon"}
KNOWN_HOSTS = Table("prose").words("documents", "hosts")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code in a document; `line` from 1."""

    language: str
    text: str
    line: int


def blocks(path: str, text: str) -> list[Block]:
    """The code blocks of a document in order."""
    found = [block for block in _fenced(text) if block is not None]
    for match in _RST_CODE.finditer(text) if path.lower().endswith(".rst") else ():
        code = _dedented(_OF_DIRECTIVE.sub("", match[2]))
        found.append(Block(match[1].lower(), code, text[: match.start()].count("\n") + 1))
    return sorted(found, key=lambda one: one.line)


def is_open(path: str, text: str) -> bool:
    """True where a fence is never closed, so that the rest of the document counts as code."""
    return not path.lower().endswith(".rst") and None in _fenced(text)


def python_in(path: str, text: str) -> list[Block]:
    """The blocks that are marked as Python."""
    return [one for one in blocks(path, text) if one.language in _PYTHON]


def unparsable(block: Block) -> str:
    """Why a Python block does not parse; empty where it parses, or leaves something out on purpose."""
    text = block.text
    if ">>>" in text or re.search(r"^[ \t]*(\.\.\.|…|\$ )", text, re.MULTILINE) or "<" in text:
        return ""
    try:
        compile(text, "<document>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError) as error:
        return f"the Python in line {block.line} does not parse: {error}"
    return ""


def places(text: str) -> set[str]:
    """Relative links, and paths in backticks."""
    links = {one[0] or one[1] for one in _LINK.findall(text)}
    relative = {one.split("#")[0] for one in links if not re.match(r"[a-z]+:|#|//", one)}
    relative = {
        one for one in relative if re.search(r"^[^\[]*[./]", one)
    }  # any other is a label of the document
    return {one for one in relative | set(_PATH.findall(text)) if one}


def missing_places(path: str, before: str, after: str, tree: Path) -> list[str]:
    """Places that are new in the document and missing in the tree."""
    folder = (tree / path).parent
    fresh = sorted(places(after) - places(before))
    return [one for one in fresh if not _is_there(tree, folder, one)]


def hosts(text: str) -> set[str]:
    """Hosts that the document links to."""
    return {one.lower().rstrip(".") for one in _HOST.findall(text)}


def options(text: str) -> set[str]:
    """Command-line options that the document names."""
    return set(_OPTION.findall(text))


def packages(text: str) -> set[str]:
    """Packages that the document asks a reader to install."""
    return {name for line in _INSTALL.findall(text) for name in _package_names(line)}


# ------------------------------------------------------------------------------------------------------


def _fenced(text: str) -> list[Block | None]:
    """The fenced blocks; None at the end for one that is never closed."""
    found: list[Block | None] = []
    opened: tuple[str, str, int] | None = None
    body: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        match = _FENCE.match(line)
        if opened is None:
            if match:
                opened, body = (match[1], match[2].lower(), number), []
        elif match and match[1].startswith(opened[0]) and not match[2]:
            found.append(Block(opened[1], _dedented("\n".join(body)), opened[2]))
            opened = None
        else:
            body.append(line)
    return [*found, None] if opened is not None else found


def _dedented(text: str) -> str:
    if all(line.lstrip().startswith(">") for line in text.split("\n")) and ">>>" not in text:
        text = re.sub(r"^[ \t]*> ?", "", text, flags=re.MULTILINE)  # a block in a quotation
    lines = [line for line in text.split("\n") if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return "\n".join(line[indent:] for line in text.split("\n"))


def _is_there(tree: Path, folder: Path, name: str) -> bool:
    plain = PurePosixPath(name.lstrip("/"))
    if ".." in plain.parts and not (folder / plain).resolve().is_relative_to(tree.resolve()):
        return True  # a place on the site that shows the document; the repository cannot tell
    ends = ("", ".md", ".rst", ".html", "/index.md", "/README.md")
    roots = (folder, tree, tree / "docs", tree / "src")
    here = any((root / f"{plain}{end}").exists() for root in roots for end in ends)
    return here or _is_built(name) or next(tree.glob(f"**/{plain}"), None) is not None


def _is_built(name: str) -> bool:
    return name.endswith((".html", "/")) or "{" in name or "<" in name


def _package_names(line: str) -> Iterator[str]:
    line = re.split(r"\s(?:and|or|the|then|to|a|in|into|from|for|with)\s", f"{line} ")[0]  # prose goes on
    words = re.sub(r"\s(?:(?:-c|--channel)\s+\S+|-\S+(\s+\S+\.txt)?)", " ", f" {line.strip()} ")
    for match in _PACKAGE.finditer(words):
        if not match[1].endswith((".txt", ".toml", ".whl", ".git", ".")):
            yield match[1]
