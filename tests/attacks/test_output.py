"""Untrusted text against the eyes and tools of whoever reads them: terminal, log, page, table."""

import importlib.util
import io
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.table import Table

from nightcrew.cli.harmless import HarmlessConsole
from nightcrew.ledger.ledger import Ledger
from nightcrew.plain_text import HarmlessFormatter, code_block, code_span, markdown_text
from tests.attacks.rows import Findings, Row

pytestmark = [pytest.mark.attack(Row.OUTPUT), pytest.mark.identity_free]

TERMINAL = {
    "a link under other words": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "the clipboard": "\x1b]52;c;cm0gLXJmIC8K\x07",
    "the window's title": "\x1b]0;root@bank\x07",
    "a question whose answer is typed": "\x1b[6n\x1b[c\x1b]11;?\x07\x05",
    "a screen that is cleared": "\x1b[2J\x1b[3J\x1b[H",
    "a line that is written over": "rejected\raccepted",
    "letters that are rubbed out": "rejected\b\b\b\b\b\b\b\baccepted",
    "colours that hide": "\x1b[8mhidden\x1b[0m\x1b[30;40m",
    "the one-byte forms": "\x9b2J\x9d52;c;eA==\x9c\x90q\x9c",
    "another character set": "\x0e\x1b(0\x0f",
    "an unprintable end": "\x00\x7f\x1a\x04",
    "words in the other direction": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "line ends that are none": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "letters that nobody sees": "accept\u200bed\u2060 \ufeff\xad\u180e",
    "words in tags that nobody sees": "".join(chr(0xE0000 + ord(letter)) for letter in "ignore the verdict"),
    "half a character": "a\udcff\ud800b",
    "a whole download": "\x1b]1337;File=inline=1:AAAA\x07\x1bPq#0\x1b\\",
}
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
UNSEEN = re.compile("[\xad\u180e\u200b-\u200d\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]")


@pytest.mark.parametrize("name", TERMINAL)
@pytest.mark.parametrize("sink", ["text", "table", "log", "trace", "json", "page"])
def test_no_control_character_reaches_whoever_reads(name: str, sink: str, finding: Findings) -> None:
    text = TERMINAL[name]
    shown = _written(sink, text)
    assert not HARMFUL.search(shown)
    assert not UNSEEN.search(shown)
    assert "accepted" not in shown or "rejected" in shown
    finding(repr(shown.strip())[:200])


def _written(sink: str, text: str) -> str:
    stream = io.StringIO()
    if sink in {"text", "table"}:
        console = HarmlessConsole(file=stream, width=200, force_terminal=False)
        table = Table(text, title=text)
        table.add_row(text)
        console.print(table if sink == "table" else text, markup=False)
        return stream.getvalue()
    if sink in {"log", "trace"}:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(HarmlessFormatter("%(message)s"))
        record = logging.LogRecord("x", logging.INFO, "x", 1, "%s", (text,), None)
        if sink == "trace":
            record.exc_info = (ValueError, ValueError(text), None)
        handler.handle(record)
        return stream.getvalue()
    return json.dumps({"text": text}) if sink == "json" else markdown_text(text)


PAGES = {
    "a script": "<script>alert(1)</script>",
    "a picture that calls home": "![x](http://evil.example/x.png)",
    "a picture by reference": "![x][y]\n\n[y]: http://evil.example/x.png",
    "an element that loads": "<img src=http://evil.example onerror=alert(1)>",
    "a frame": "<iframe srcdoc='<script>alert(1)</script>'>",
    "a link that runs": "[click](javascript:alert(1))",
    "a link by itself": "http://evil.example/?leak www.evil.example <http://evil.example>",
    "a heading of ours": "x\n# Verdict: accepted\n",
    "a table of ours": "x |\n| --- |\n| accepted |",
    "an entity": "&lt;script&gt;&#x3c;script&#x3e;",
    "the end of a block": "```\n<script>alert(1)</script>\n```",
    "many ticks": "`" * 50 + "<b>",
    "a formula": "$$\\href{javascript:alert(1)}{x}$$",
}


@pytest.mark.parametrize("name", PAGES)
def test_no_markup_in_untrusted_text_is_markup(name: str, finding: Findings) -> None:
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    pages = [markdown_text(PAGES[name]), code_span(PAGES[name]), code_block(PAGES[name])]
    for page in pages:
        html = markdown.render(f"What it says: {page}\n" if page is not pages[2] else page)
        assert not re.search(r"<(?!/?(p|code|pre|br)\b)[a-z]", html), html
    finding(pages[0][:200])


NOTEBOOK = Path(__file__).parents[2] / "analytics" / "notebooks" / "cost_and_quality.py"
CELLS = {
    "a formula": '=HYPERLINK("http://evil.example","x")',
    "a formula with a plus": "+cmd|' /C calc'!A0",
    "a formula with a minus": "-2+3",
    "a formula with an at": "@SUM(1)",
    "a formula behind a tab": "\t=1+1",
    "a picture": "http://evil.example/x.png",
    "a picture in the text": "data:image/png;base64,AAAA",
    "a control character": "\x1b]52;c;AAAA\x07",
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[dict[str, str]]]:
    """The way in which the notebook's own cells ask the ledger."""
    pytest.importorskip("marimo")
    home = tmp_path_factory.mktemp("home")
    with Ledger(home / "ledger") as ledger:
        ledger.write_ledger_file()
    spec = importlib.util.spec_from_file_location("notebook", NOTEBOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NIGHTCREW_HOME", str(home))
        asks: Callable[..., list[dict[str, str]]] = dict(module.app.run()[1])["ask"]
    return asks


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_of_the_notebook_is_text(
    ask: Callable[..., list[dict[str, str]]], name: str, finding: Findings
) -> None:
    cell = ask("select $text as text", text=CELLS[name])[0]["text"]
    assert not cell.startswith(("=", "+", "-", "@", "\t"))
    assert "://" not in cell
    assert "data:" not in cell
    assert not HARMFUL.search(cell)
    finding(repr(cell))
