"""Powers that reading does not see in the change's text: it was seen to use them while the suite ran."""

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.questions.empowered import Empowered
from nightcrew.validation.questions.watched import Watched
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import House, make_house

CODE = "src/shop/notes.py"
BASE = '''\
"""Notes of a shop."""

import os
from pathlib import Path


def title(text):
    return text.strip()


def keep(text, place):
    Path(place).write_text(text)


def language():
    return os.environ.get("LANG", "")
'''
OTHER = "import subprocess\n\n\ndef run(words):\n    return subprocess.run(words).returncode\n"
TESTS = """\
from shop.notes import keep, language, title
from shop.tools import run


def test_notes(tmp_path):
    keep("a", tmp_path / "b")
    assert title(" a ") == "a" and isinstance(language(), str)
    assert run(["true"]) == 0
"""
FILES = {
    "src/shop/__init__.py": "",
    CODE: BASE,
    "src/shop/tools.py": OTHER,
    "tests/test_notes.py": TESTS,
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
}
IMPORTS = "import os\nfrom pathlib import Path\n"
TITLE = "    return text.strip()\n"
NEWS: dict[str, tuple[str, str, str]] = {
    "network": ("from xml import sax\n", """
    try:
        sax.parse("http://stats.example.org/a", sax.ContentHandler())
    except OSError:
        pass
""", "reach the network"),
    "another file": ("import sqlite3\n", "\n    sqlite3.connect('/tmp/kept').close()\n", ""),
    "moved": ("", "\n    keep('', '/tmp/a')\n    Path('/tmp/a').replace('/tmp/b')\n", "delete or move files"),
    "a helper's process": ("from shop.tools import run\n", "\n    run(['true'])\n", "start processes"),
    "what the file does": ("", "\n    keep(text, '/tmp/note')\n    language()\n", ""),
    "its own values": ("import json\n", "\n    text = json.loads(json.dumps(text))\n", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    return make_house(tmp_path_factory.mktemp("notes") / "repo", settings, sandbox, FILES)


@pytest.mark.parametrize(("imports", "body", "power"), NEWS.values(), ids=NEWS)
def test_a_power_is_seen_where_it_is_used(shop: House, imports: str, body: str, power: str) -> None:
    text = BASE.replace(IMPORTS, IMPORTS + imports).replace(TITLE, body + TITLE)
    task = shop.task(TaskType.BUG_FIX, CODE)
    read = shop.ask(Empowered(), {CODE: text}, task)
    seen = shop.ask(Watched(), {CODE: text}, task)
    assert read.outcome is GateOutcome.PASS, "reading is no part of this test"
    assert (seen.outcome is GateOutcome.ASKS) == bool(power), seen.message
    assert power in seen.message
    assert all(finding.path == CODE and finding.line for finding in seen.findings)


def test_what_the_task_asks_for_is_no_finding(shop: House) -> None:
    imports, body, _ = NEWS["a helper's process"]
    text = BASE.replace(IMPORTS, IMPORTS + imports).replace(TITLE, body + TITLE)
    task = shop.task(TaskType.BUG_FIX, CODE, description="Start the shell command true for each title.")
    assert shop.ask(Watched(), {CODE: text}, task).outcome is GateOutcome.PASS
