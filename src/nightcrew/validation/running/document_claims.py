"""The new parts of a document that can be looked up or run: its code, names, places and commands."""

import ast
import builtins
import doctest
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from nightcrew.untrusted import files_in, text_of
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_release_note
from nightcrew.validation.reading import documents
from nightcrew.validation.reading.prose import added, replaced_addresses, sentences
from nightcrew.validation.reading.suite import read, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.docstring_claims import trees_of
from nightcrew.validation.running.document_code import run_document
from nightcrew.validation.tables import Table

_CALLED = re.compile(r"`{1,2}([A-Za-z_][\w.]*)\(\)?[^`]*`{1,2}")
_IN_PROSE = re.compile(r"(?<![`\w./-])([A-Za-z](?=\w*?_\w)\w*+(?:\.\w++)*+)\(")
_NAMED = re.compile(r"`{1,2}([A-Za-z_](?=\w*?_\w)\w*+|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)`{1,2}")
_ARGUMENT = re.compile(r"`([a-z_]\w*)=(?:True|False|None|\d[^`]*|['\"][^`]*)`")
_OPTION = re.compile(r"`(--[a-z][a-z0-9-]++)[^`]*+`")  # not after a command, which may be another program's
_NAME = re.compile(r"[A-Za-z][\w.-]+")
_TABLE = Table("prose")
_DECLARING = tuple(_TABLE.texts("documents")["declaring"])
_TOOLS = _TABLE.words("documents", "tools")
_COMMON = 3  # packages that name a host, from which on everybody knows it
_CLOSE = 0.8  # likeness of two packages' names from which one is a misspelling
_FILE_ENDING = re.compile(
    r"\.(?:py|md|rst|txt|toml|cfg|ini|ya?ml|json|html?|sh|lock|csv|xml|js|css|png|svg|org|com|io)$"
)


def document_problem(room: CleanRoom, change: Change, words: set[str]) -> tuple[str, int]:
    """The first false statement, empty where there is none; and how many blocks could not be run."""
    before, after = change.before or "", change.after or ""
    # Everything below would be judged as code, or escape as such.
    if documents.is_open(change.path, after) and not documents.is_open(change.path, before):
        return "a fence is never closed, so what follows it reads as code.", 0
    python = documents.python_in(change.path, after)
    fresh = [one for one in python if added(before, one.text).strip()]
    problem = _false_words(room, change, fresh, words) or _strange_option(room, before, after)
    if problem or not fresh:
        return problem, 0
    # The old blocks run as well: new ones go on from what they define.
    whole = [one for one in python if not documents.unparsable(one) and _is_whole(one.text)]
    found = run_document(room, whole)
    lines = {block.line for block in fresh}
    wrong = [one for one in found.wrong if int(one.split()[1].rstrip(":")) in lines]
    return (f"the code in {wrong[0]}" if wrong else ""), len(found.untried)


def document_questions(room: CleanRoom, change: Change) -> Iterator[str]:
    """Findings for a person: hosts, packages and options that the repository does not name."""
    before, after = change.before or "", change.after or ""
    known = {host for text in _declaring(room) for host in documents.hosts(text)} | documents.KNOWN_HOSTS
    known |= room.once(_common_hosts)
    for host in sorted(documents.hosts(after) - documents.hosts(before)):
        if host not in known and not host.endswith(tuple(f".{one}" for one in known)):
            yield f"the host {host} is new"
    # A release note tells of changes, addresses that moved among them.
    for address in () if is_release_note(change.path) else replaced_addresses(before, after):
        yield f"{address} stands where another address did"
    for package in sorted(documents.packages(after) - documents.packages(before)):
        if package.lower() not in _packages(room):
            yield f"the package {package} is new"
    for name in sorted(
        _arguments(room, change.path, after)
        - _arguments(room, change.path, before)
        - room.once(argument_names)
    ):
        yield f"no function here takes the argument {name}"
    for option in sorted({*_OPTION.findall(after)} - documents.options(before)):
        if not _knows(room, option):
            yield f"the option {option} is new"


# ------------------------------------------------------------------------------------------------------


def _false_words(room: CleanRoom, change: Change, fresh: Sequence[documents.Block], words: set[str]) -> str:
    before, after = change.before or "", change.after or ""
    return (
        next(filter(None, map(documents.unparsable, fresh)), "")
        or _strange_name(change.path, before, after, words, _project_names(room))
        or _strange_place(room, change, before, after)
        or _misspelt(room, before, after)
    )


def _is_whole(text: str) -> bool:
    """False for a block with omissions, which no reader could run."""
    return not re.search(r"^[ \t]*(\.\.\.|…)[ \t]*$|<[\w -]+>", text, re.MULTILINE) or ">>>" in text


def _strange_name(path: str, before: str, after: str, words: set[str], own: set[str]) -> str:
    """The first new name in backticks that neither the repository nor the document's own code contains."""
    code = "\n".join(one.text for one in documents.blocks(path, after))
    for name in sorted(_names(after) - _names(before)):
        root, _, last = name.rpartition(".")
        top = root.split(".")[0]
        is_plain = re.fullmatch(r"[a-z.]+", name) and top not in own  # such as `major.minor`
        # Names of other packages cannot be looked up here, so that they are left alone.
        is_foreign = bool(top) and (top not in words or top in sys.stdlib_module_names or is_plain)
        # A document may define in its example what it then speaks of.
        is_readers = re.search(rf"\bdef {last}\b|(?<![.\w]){last}\s*[=:,)]", code) is not None
        known = last in words or any(hasattr(one, last) for one in (builtins, str, list, dict))
        if not (known or is_foreign or is_readers or len(last) < 3 or _FILE_ENDING.search(name)):
            return f"it names {name!r}, which does not exist."
    return ""


def _names(text: str) -> set[str]:
    return {*_CALLED.findall(text), *_NAMED.findall(text), *_IN_PROSE.findall(" ".join(sentences(text)))}


def argument_names(room: CleanRoom) -> set[str]:
    """What may be an argument's name in base's code: parameters, keywords, attributes, and short texts."""
    found: set[str] = set()
    for node in (one for tree in room.once(trees_of).values() for one in walk(tree)):
        match node:
            case ast.arg(arg=str(name)) | ast.keyword(arg=str(name)) | ast.Attribute(attr=name):
                found.add(name)
            case ast.Name(id=name) | ast.Constant(value=str(name)):
                found.add(name)
    return found


def _arguments(room: CleanRoom, path: str, text: str) -> set[str]:
    """Names of arguments in backticks (`strict=True`), and in calls of the project's own in code."""
    found = set(_ARGUMENT.findall(text))
    own = _project_names(room) | {path.stem for path in room.base.glob("*.py")}
    for block in documents.python_in(path, text):
        tree = read(_script(block.text))
        calls = (one for one in walk(tree) if isinstance(one, ast.Call))
        own_calls = (one for one in calls if ast.unparse(one.func).split(".")[0] in own)
        found |= {word.arg for one in own_calls for word in one.keywords if word.arg}
    return found


def _script(text: str) -> str:
    """The code of a block, without prompts and results; empty where its prompts are not in line."""
    try:
        return doctest.script_from_examples(text) if ">>>" in text else text
    except ValueError:
        return ""


def _strange_place(room: CleanRoom, change: Change, before: str, after: str) -> str:
    missing = documents.missing_places(change.path, before, after, room.patched)
    return f"it points to {missing[0]!r}, which does not exist." if missing else ""


def _strange_option(room: CleanRoom, before: str, after: str) -> str:
    """A command-line option that no file of the repository contains, if the repository has a command line."""
    fresh = _own_options(room, after) - documents.options(before)
    strange = next((one for one in sorted(fresh) if not _knows(room, one)), "")
    return f"it names the option {strange}, which the repository does not have." if strange else ""


def _knows(room: CleanRoom, option: str) -> bool:
    """True where a file of base names the option, or Python code its parameter."""
    plain = option.removeprefix("--").removeprefix("no-").replace("-", "_")
    tree = room.base_tree
    texts = (
        *tree.python.values(),
        *tree.texts(".md", ".rst", ".toml", ".cfg", ".ini", ".yml", ".yaml").values(),
    )
    return any(option in text for text in texts) or any(plain in text for text in tree.python.values())


def _own_options(room: CleanRoom, text: str) -> set[str]:
    """Options on lines that call the repository's own programs."""
    project = {name.lower() for name in _project_names(room)}
    lines = (
        line
        for line in text.split("\n")
        if any(re.search(rf"(?:^|[\s`$]){re.escape(one)}\s", line) for one in project)
    )
    return {option for line in lines for option in documents.options(line)}


def _common_hosts(room: CleanRoom) -> set[str]:
    """Hosts that several packages of the environment name: indexes, badges, guides."""
    files = files_in(room.environment.path, "lib/python*/site-packages/*.dist-info/METADATA")
    counts = Counter(host for path in files for host in documents.hosts(text_of(path)))
    return {host for host, number in counts.items() if number >= _COMMON}


def _misspelt(room: CleanRoom, before: str, after: str) -> str:
    known = _packages(room)
    for package in sorted(documents.packages(after) - documents.packages(before)):
        if package.lower() in known:
            continue
        # A package with nearly the name of one that is used is how malware is installed by hand.
        near = get_close_matches(package.lower(), sorted(known & room.once(_declared)), 1, _CLOSE)
        if near:
            return f"it has a reader install {package!r}; the repository knows {near[0]!r}."
    return ""


def _packages(room: CleanRoom) -> set[str]:
    """Words that may be names of packages: all words of base's declarations and documents."""
    return room.once(_declared) | {
        name.lower() for text in _declaring(room) for name in documents.packages(text)
    }


def _declared(room: CleanRoom) -> set[str]:
    """Names in the repository's declarations, and names of common tools."""
    texts = _declaring(room, _DECLARING[:4])
    found = {name.lower().rstrip(".") for text in texts for name in _NAME.findall(text)}
    return found | _TOOLS | {one.lower() for one in _project_names(room)}


def _project_names(room: CleanRoom) -> set[str]:
    roots = [room.base, room.base / "src"]
    packages = {path.parent.name for root in roots for path in root.glob("*/__init__.py")}
    return packages | {one.replace("_", "-") for one in packages}


def _declaring(room: CleanRoom, globs: tuple[str, ...] = _DECLARING) -> Iterator[str]:
    for path in files_in(room.base, *globs):
        if text := text_of(path):
            yield text
