"""Untrusted bytes against the process that reads them: they may cost it a moment, never its heartbeat."""

import ast
import base64
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightcrew.errors import BadInput, NightcrewError
from nightcrew.execution.checkout.tree_patch import Entry, _TreeReader
from nightcrew.execution.checkout.workspace import extract_patch, make_checkout
from nightcrew.execution.environments.declared import read_declared
from nightcrew.execution.environments.layout import read_target
from nightcrew.execution.executors.reply import BadEdits, read_edits
from nightcrew.execution.packages.pages import read_page
from nightcrew.openrouter.wire.replies import parse_json, read_trouble, read_usage
from nightcrew.plain_text import code_block, harmless, markdown_text
from nightcrew.secrets.known_secrets import KnownSecrets
from nightcrew.secrets.redaction import redact, redact_values
from nightcrew.secrets.repository import learn_secrets
from nightcrew.target_config import load_target_config
from nightcrew.untrusted import Unreadable, parse_python, read_json, read_toml, read_yaml
from nightcrew.validation.change.change import PatchRefused
from nightcrew.validation.change.parser import parse_patch
from nightcrew.validation.change.secrets import find_secrets
from nightcrew.validation.questions.text_losses import text_losses
from nightcrew.validation.running.pytest_options import installed_plugins
from tests.attacks.rows import Findings, Row
from tests.execution.conftest import commit_all, git, make_repo

pytestmark = [pytest.mark.attack(Row.BYTES), pytest.mark.identity_free]

HEARTBEAT = 1.0
"""CPU seconds of one reading: a thread that holds the interpreter for longer keeps the heartbeat waiting."""
KEY = "sk-or-v1-0123456789abcdefghij"


def _laughs() -> str:
    """Twelve lines of YAML that stand for a million million values."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for name, before in zip("bcdefghijklm", "abcdefghijkl", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]")
    return "\n".join(lines)


def _shown(text: str) -> str:
    return ast.unparse(parse_python(text))


def _token(claims: str) -> str:
    body = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJlLW9mLWl0"


def _losses(name: str) -> Callable[[str], object]:
    return lambda text: [*text_losses(name, text, "x\n"), *text_losses(name, "x\n", text)]


ATTACKS: dict[str, tuple[Callable[[str], object], str]] = {
    "a run of hyphens against redaction": (redact, "a-" * 100_000),
    "a run of dots against redaction": (redact, "a." * 100_000),
    "names of secrets without end": (redact, "token=" * 40_000),
    "the beginning of a key again and again": (redact, "sk-" * 80_000),
    "half a private key": (redact, "-----BEGIN PRIVATE KEY-----" * 8_000),
    "half a web token": (redact, "eyJ" * 80_000),
    "the beginning of the known key": (KnownSecrets([KEY]).redact, KEY[:-1] * 8_000),
    "backslashes before the known key": (KnownSecrets([KEY]).redact, "\\" * 200_000),
    "ampersands before the known key": (KnownSecrets([KEY]).redact, "&amp;" * 40_000),
    "the known key's digits apart": (KnownSecrets([KEY]).redact, (KEY.encode().hex(" ")[:-1]) * 3_000),
    "JSON of brackets": (read_json, "[" * 200_000),
    "JSON of objects": (read_json, '{"a":' * 50_000),
    "JSON with a number of a million digits": (read_json, "1" * 1_000_000),
    "JSON of millions of lists": (read_json, "[" + "[]," * 5_000_000 + "0]"),
    "JSON of millions of texts": (read_json, "[" + '"",' * 5_000_000 + "0]"),
    "JSON values as deep as they may be": (lambda t: redact_values(read_json(t)), "[" * 90 + "]" * 90),
    "TOML of dotted keys": (read_toml, ".".join("a" * 9_000) + " = 1"),
    "TOML of dotted tables": (read_toml, "\n".join(f"[{'.'.join('a' * n)}]" for n in range(1, 500))),
    "TOML of brackets": (read_toml, "a = " + "[" * 9_000),
    "TOML of open quotes": (read_toml, 'a = """' + '"" ' * 100_000),
    "Python of brackets": (parse_python, "(" * 5_000),
    "Python of signs": (parse_python, "x = " + "-" * 100_000 + "1"),
    "Python of attributes": (parse_python, "x = a" + ".b" * 50_000),
    "Python of comparisons": (parse_python, "x = " + "a<" * 50_000 + "a"),
    "Python of indentation": (parse_python, "".join(" " * n + "if a:\n" for n in range(900))),
    "Python of f-strings": (parse_python, "f'{" * 1_000),
    "Python of fields of f-strings": (parse_python, "x = f'" + "{a}" * 300_000 + "'"),
    "Python of f-strings in lines": (parse_python, "x = f'{a}'\n" * 200_000),
    "Python of statements": (parse_python, "a;" * 1_000_000),
    "Python with a number that is too long to be shown": (_shown, "x = 0x" + "f" * 100_000),
    "a web token of brackets": (find_secrets, f"+A = '{_token('[' * 100_000)}'"),
    "YAML that laughs": (read_yaml, _laughs()),
    "YAML that contains itself": (read_yaml, "a: &a [*a, *a]"),
    "YAML of brackets": (read_yaml, "[" * 200_000),
    "YAML of braces": (read_yaml, "{a: " * 50_000),
    "YAML of dashes": (read_yaml, "- " * 100_000),
    "YAML of question marks": (read_yaml, "? " * 100_000),
    "YAML of sixtieths": (read_yaml, "a: " + "1:" * 100_000 + "1"),
    "YAML of merges": (read_yaml, "a: &a {b: 1}\n" + "".join(f"c{n}: {{<<: *a}}\n" for n in range(9_000))),
    "YAML that makes objects": (read_yaml, "!!python/object/apply:os.system [touch /tmp/x]"),
    "a workflow that laughs": (_losses("ci.yml"), _laughs()),
    "a README of brackets": (_losses("README.md"), "](" * 100_000),
    "a heading of hashes": (_losses("README.md"), "# x" + "#" * 100_000 + "x"),
    "a heading of spaces": (_losses("README.md"), "# x" + " " * 100_000 + "x"),
    "thousands of headings": (_losses("README.md"), "".join(f"# {n} {'a' * 90}\n" for n in range(3_000))),
    "thousands of links": (_losses("README.md"), "".join(f"[a](http://b/{n})\n" for n in range(9_000))),
    "links that never end": (_losses("README.rst"), ".. _a\n" * 40_000),
    "C of words": (_losses("a.c"), "a " * 100_000),
    "C of open brackets": (_losses("a.c"), "f(\n" * 60_000),
    "Go of open brackets": (_losses("a.go"), "func (\n" * 30_000),
    "JavaScript of line breaks": (_losses("a.js"), "\n" * 200_000),
    "a justfile of one word": (_losses("justfile"), "a" * 200_000),
    "a Makefile of one word": (_losses("Makefile"), "a" * 200_000),
    "settings of thousands of keys": (_losses("a.json"), json.dumps({str(n): n for n in range(19_000)})),
    "a patch of file names": (parse_patch, "--- a/x\n+++ b/x\n" * 20_000),
    "a patch of empty hunks": (parse_patch, "--- a/x\n+++ b/x\n" + "@@ -1,0 +1,0 @@\n" * 20_000),
    "a patch with a count of a million digits": (
        parse_patch,
        f"--- a/x\n+++ b/x\n@@ -{'1' * 1_000_000} +1 @@\n",
    ),
    "a patch with a quoted name": (parse_patch, 'diff --git "' + "\\1" * 60_000 + '" b\n'),
    "a reply of edits that never end": (read_edits, "### EDIT a\n<<<<<<< SEARCH\n" * 9_000),
    "a reply of thoughts": (read_edits, "<think>" * 30_000),
    "a reply that is no JSON": (parse_json, '{"choices":[' * 20_000),
    "a page of an index": (
        lambda t: read_page(t.encode(), "text/html", "https://x/"),
        "<a href='x'>" * 20_000,
    ),
    "a page of half tags": (lambda t: read_page(t.encode(), "text/html", "https://x/"), "<a " * 60_000),
    "a page of half comments": (lambda t: read_page(t.encode(), "text/html", "https://x/"), "<!-" * 60_000),
    "Markdown of everything": (markdown_text, "[](`<*_|\\" * 20_000),
    "ticks of a code block": (code_block, "`" * 200_000),
    "controls of a terminal": (harmless, "\x1b]52;c;" * 30_000),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_text_costs_no_more_than_a_moment(name: str, finding: Findings) -> None:
    read, text = ATTACKS[name]
    began = time.process_time()
    try:
        met = f"read as {type(read(text)).__name__}"
    except (Unreadable, NightcrewError, BadEdits, PatchRefused) as error:
        met = f"refused: {str(error)[:200]}"
    took = time.process_time() - began
    assert took < HEARTBEAT, f"{took:.1f} s of CPU"
    finding(met)


def test_a_file_of_secrets_without_end_costs_no_more_than_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finding: Findings
) -> None:
    known = KnownSecrets()
    for module in ("redaction", "repository"):
        monkeypatch.setattr(f"nightcrew.secrets.{module}.repository_secrets", known)
    for name in (".env", "secrets.yaml", "credentials.json"):
        (tmp_path / name).write_text("".join(f"K{n}=0123456789abcdef{n:04x}\n" for n in range(2_500)))
    began = time.process_time()
    count = learn_secrets(tmp_path)
    text = redact("K7=0123456789abcdef0007\n" + "0123456789abcdef\n" * 20_000)
    assert time.process_time() - began < HEARTBEAT
    assert "0123456789abcdef0007" not in text
    finding(f"{count} files were read")


# Files ----------------------------------------------------------------------------------------------------


def _includes_itself(folder: Path) -> None:
    (folder / "requirements.txt").write_text("-r requirements.txt\n-r other.txt\n" * 1_000)
    (folder / "other.txt").write_text("-r requirements.txt\n-c other.txt\n" * 1_000)


def _is_endless(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).symlink_to("/dev/zero")

    return make


def _is_a_pipe(name: str) -> Callable[[Path], None]:
    return lambda folder: os.mkfifo(folder / name)


def _is_sparse(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(2**40)

    return make


SETTINGS = (
    "nightcrew.toml",
    "pyproject.toml",
    "requirements.txt",
    "setup.cfg",
    "setup.py",
    ".env",
    "uv.lock",
)


def _holds(name: str, text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).write_text(text)

    return make


def _projects_in_a_row(folder: Path) -> None:
    for number in range(600):
        place = folder / f"p{number}"
        place.mkdir()
        (place / "pyproject.toml").write_text(
            f'[project]\nname = "p{number}"\ndependencies = ["p{number + 1}"]\n'
        )
    (folder / "pyproject.toml").write_text('[project]\nname = "top"\ndependencies = ["p0"]\n')


def _files_in_a_row(folder: Path) -> None:
    for number in range(1_500):
        (folder / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n")
    (folder / "requirements.txt").write_text("-r r0.txt\n")


GAP = " " * 300_000
NAMES_OF_NAMES = "a60 = ['x']\n" + "".join(f"a{n} = [a{n + 1}, a{n + 1}]\n" for n in reversed(range(60)))
NAMES_IN_A_ROW = "".join(f"a{n} = a{n + 1}\n" for n in range(3_000)) + "a3000 = ['x']\n"
SETUP = "from setuptools import setup\nsetup(install_requires={})\n"
LONG: dict[str, Callable[[Path], None]] = {
    "setup.cfg with a gap": _holds("setup.cfg", f"[options]\na{GAP}b\n"),
    "tox.ini with a gap": _holds("tox.ini", f"[testenv]\na{GAP}b\n"),
    "setup.py of names of names": _holds("setup.py", NAMES_OF_NAMES + SETUP.format("a0")),
    "setup.py of names in a row": _holds("setup.py", NAMES_IN_A_ROW + SETUP.format("a0")),
    "setup.py with a gap": _holds("setup.py", SETUP.format(f"['a{GAP}b']")),
    "noxfile.py with a gap": _holds("noxfile.py", f"def tests(session):\n    session.install('a{GAP}b')\n"),
    "requirements with a gap": _holds("requirements.txt", f"a{GAP}b\n"),
    "requirements of gaps": _holds("requirements.txt", (" " * 1_000 + "x\n") * 300),
    "empty lines of Python": _holds("a.py", "\n" * 300_000),
    "a version with a gap": _holds(
        "pyproject.toml", f"[tool.poetry.dependencies]\na = '1{GAP[:15_000]},{GAP[:4_000]}x'\n"
    ),
    "a test command of words": _holds("nightcrew.toml", 'test = """pytest\n' + "a\n" * 200_000 + '"""\n'),
    "projects that need each other in a row": _projects_in_a_row,
    "requirement files in a row": _files_in_a_row,
}


@pytest.mark.parametrize("name", LONG)
def test_a_file_takes_no_more_time_than_its_length(tmp_path: Path, name: str, finding: Findings) -> None:
    LONG[name](tmp_path)
    for act in (load_target_config, read_declared):
        began = time.process_time()
        try:
            met = f"read: {str(act(tmp_path))[:100]}"
        except NightcrewError as error:
            met = f"refused: {error}"
        took = time.process_time() - began
        assert took < 3 * HEARTBEAT, f"{act.__name__} takes {took:.1f} s"
    finding(met)


FILES: dict[str, Callable[[Path], None]] = {
    "requirements that include themselves": _includes_itself,
    **{f"{name} is a device": _is_endless(name) for name in SETTINGS},
    **{f"{name} is a pipe": _is_a_pipe(name) for name in SETTINGS},
    **{f"{name} is a hole of a terabyte": _is_sparse(name) for name in SETTINGS},
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_holds_nobody_up(tmp_path: Path, name: str, finding: Findings) -> None:
    FILES[name](tmp_path)
    met: list[str] = []

    def read() -> None:
        for act in (load_target_config, read_declared, learn_secrets):
            try:
                met.append(str(act(tmp_path)))
            except NightcrewError as error:
                met.append(f"refused: {error}")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(30)
    assert not reader.is_alive(), f"it still reads, after {met}"
    assert len(met) == 3
    finding(met[0])


PLUGINS = "entry_points.txt"
ENTRY_POINTS: dict[str, Callable[[Path], None]] = {
    "a device": _is_endless(PLUGINS),
    "a pipe": _is_a_pipe(PLUGINS),
    "a hole of a terabyte": _is_sparse(PLUGINS),
    "names of names": _holds(PLUGINS, "[pytest11]\na = %(b)s\nb = %(a)s\n"),
    "a gap": _holds(PLUGINS, f"[pytest11]\na{GAP}b\n"),
    "names without values": _holds(PLUGINS, "[pytest11]\na\n= b\n"),
}
"""What a set-up command or a package can leave in an environment, where we look for names of plugins."""


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_what_an_environment_holds_keeps_no_verdict_waiting(
    tmp_path: Path, name: str, finding: Findings
) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    for place in ("evil-1.0.dist-info", "good-1.0.dist-info"):
        (site / place).mkdir(parents=True)
    ENTRY_POINTS[name](site / "evil-1.0.dist-info")
    (site / "good-1.0.dist-info" / PLUGINS).write_text("[pytest11]\nGood = good\n")
    met: list[str] = []
    reader = threading.Thread(target=lambda: met.extend(installed_plugins(tmp_path)), daemon=True)
    reader.start()
    reader.join(10 * HEARTBEAT)
    assert "Good" in met
    finding(met)


def test_a_tree_of_very_many_files_is_refused_or_read_in_its_time(tmp_path: Path, finding: Findings) -> None:
    repo = make_repo(tmp_path / "repo", {"a.py": "A = 1\n"})
    commit = commit_all(repo)
    made = make_checkout(str(repo), commit, tmp_path / "clone")
    for number in range(20_000):
        (made.path / f"{number}").touch()
    began = time.process_time()
    try:
        met = f"a patch of {len(extract_patch(made))} characters"
    except NightcrewError as error:
        met = f"refused: {error}"
    assert time.process_time() - began < 20 * HEARTBEAT
    assert git(repo, "rev-parse", "HEAD") == commit
    finding(met)


def test_submodules_that_are_gone_cost_no_more_than_a_moment(tmp_path: Path, finding: Findings) -> None:
    repo = make_repo(tmp_path / "repo", {"a.py": "A = 1\n"})
    commit = commit_all(repo)
    made = make_checkout(str(repo), commit, tmp_path / "clone")
    for number in range(2_000):
        (made.path / f"{number}").touch()
    (made.path / "gone").touch()
    base = {f"gone/{number}".encode(): Entry("160000", commit) for number in range(50_000)}
    base |= {f"sub/{number}".encode(): Entry("160000", commit) for number in range(50_000)}
    began = time.process_time()
    found = _TreeReader(made.path, made.git_dir, base, commit).entries()
    assert time.process_time() - began < 5 * HEARTBEAT
    assert sum(entry.mode == "160000" for entry in found.values()) == 50_000
    finding("a file in place of their folder is the change, and others stay")


NUMBERS = {
    "huge": "1e999999999",
    "huge and negative": "-1e999999999",
    "tiny": "1e-999999999",
    "no more than nothing": "0e-999999999",
    "long": "9" * 4_000,
    "more than fits": "1e308",
    "none": "NaN",
    "of other digits": "\u0661" * 99,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_of_a_provider_costs_no_more_than_a_moment(name: str, finding: Findings) -> None:
    number = NUMBERS[name]
    now = datetime.now(UTC)
    began = time.process_time()
    for value in (number, *([json.loads(number)] if number.isascii() and number != "NaN" else [])):
        usage = read_usage({"usage": dict.fromkeys(("prompt_tokens", "completion_tokens", "cost"), value)})
        trouble = read_trouble(
            429,
            {"retry-after": number, "x-ratelimit-limit": number, "x-ratelimit-reset": number},
            {"error": {"code": value, "metadata": {"retry_after_seconds": value}}},
            now=now,
        )
        assert usage is None or len(f"{usage.input_tokens} {usage.cost_usd or 0:f}") < 100
        assert now + timedelta(seconds=trouble.retry_after_seconds or 0)
    assert time.process_time() - began < HEARTBEAT
    finding(f"{usage}; {trouble}"[:300])


@pytest.mark.parametrize(
    "date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 2027 23:59:59 -0000", "Fri, 32 Dec 2027 1:1:1 GMT"]
)
def test_a_date_of_a_provider_is_one_or_is_none(date: str, finding: Findings) -> None:
    now = datetime.now(UTC)
    trouble = read_trouble(429, {"retry-after": date}, {"error": {"code": 429}}, now=now)
    assert now + timedelta(seconds=trouble.retry_after_seconds or 0)
    finding(trouble.retry_after_seconds)


def test_no_link_of_a_tree_shows_what_lies_outside(tmp_path: Path, finding: Findings) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    (outside / "workflows").mkdir(parents=True)
    (outside / "workflows" / "ci.yml").write_text("- run: pip install outside-package pytest\n")
    (outside / "pyproject.toml").write_text("[project]\nname = 'a'\ndependencies = ['outside-package']\n")
    tree.mkdir()
    (tree / ".github").symlink_to(outside)
    (tree / "inside").symlink_to(outside)
    (tree / "nightcrew.toml").write_text('root = "inside"\n')
    assert "outside" not in str(read_declared(tree))
    with pytest.raises(BadInput, match="link") as refused:
        read_target(tree, None)
    finding(refused.value)
