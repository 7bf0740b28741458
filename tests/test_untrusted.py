"""Every reader of untrusted text: any text is read or refused, in time that grows with its length only."""

import ast
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nightcrew
from nightcrew.address import holds_secret
from nightcrew.errors import BadInput
from nightcrew.execution.executors.reply import BadEdits, read_edits
from nightcrew.execution.packages.pages import read_page
from nightcrew.openhands.inside.protocol import read_result
from nightcrew.openrouter.rescue.rescue import rescued
from nightcrew.openrouter.wire.replies import parse_json
from nightcrew.plain_text import code_block, code_span, markdown_text
from nightcrew.secrets.redaction import redact
from nightcrew.target_config import load_target_config
from nightcrew.untrusted import Unreadable, parse_python, read_json, read_toml, read_yaml
from nightcrew.validation.change.change import FileDiff, Hunk, PatchRefused, apply_patch
from nightcrew.validation.change.parser import parse_patch
from nightcrew.validation.change.secrets import find_secrets
from nightcrew.validation.questions.text_losses import text_losses
from nightcrew.validation.reading.comments import comments
from nightcrew.validation.reading.docstrings import entries
from nightcrew.validation.reading.documents import blocks
from nightcrew.work.published import published_patch
from tests.openrouter.rescue.tools import OFFERED, body, call

MOST_CPU_SECONDS = 2.0  # what is measured takes hundredths; what is quadratic takes minutes
SIZE = 100_000


def losses_of(name: str) -> Callable[[str], object]:
    """Reads what a change loses that takes a text away from a file, or brings it there."""
    return lambda text: [*text_losses(name, text, "x\n"), *text_losses(name, "x\n", text)]


def answered(text: str) -> object:
    """Reads an answer with this text, and one with these arguments, of a model that has tools."""
    in_text = rescued(body({"content": text}), OFFERED)
    return in_text, rescued(body({"tool_calls": [call(text[:300], text)]}), OFFERED)


READERS: dict[str, Callable[[str], object]] = {
    "json": read_json,
    "toml": read_toml,
    "python": parse_python,
    "reply": parse_json,
    "edits": read_edits,
    "answer": answered,
    "patch": parse_patch,
    "redaction": redact,
    "secrets": find_secrets,
    "comments": comments,
    "markdown": lambda text: blocks("README.md", text),
    "rst": lambda text: blocks("README.rst", text),
    "page": lambda text: (markdown_text(text), code_span(text), code_block(text)),
    "docstrings": lambda text: entries(parse_python(f"def f():\n    {json.dumps(text)}\n")),
}
MORE: dict[str, Callable[[str], object]] = {
    "yaml": read_yaml,
    "address": holds_secret,
    "index": lambda text: read_page(text.encode(), "text/html", "https://x/"),
    "result": read_result,
    "published": lambda text: published_patch(f"diff --git a/x b/x\n@@ -1 +1 @@\n+{text}"),
    **{
        f"losses of {name}": losses_of(name)
        for name in ("README.md", "README.rst", "a.yaml", "a.json", "a.c")
    },
    **{f"losses of {name}": losses_of(name) for name in ("setup.cfg", "a.js", "a.go", "Makefile")},
}
"""Whose time `tests/attacks/test_bytes.py` measures."""
PIECES = [
    *("a-", "a.", "a.b ", "[", "{", "(", '{"a":', "a=", "- ", "`", "```\n", "#", "# ", "\n", " ", "\t", "a+"),
    *("not ", "lambda:", "/", "\\", '"', "'", '"""', "--- a/x\n", "@@ -1 +1 @@\n", "+\n", "<", "<think>"),
    *("### FILE a\n", "sk-", "eyJ", "AKIA", "=", "http://", "a@", "%41", "\\u0073", ":param a: b\n"),
    *(
        "x = 1\n",
        "|",
        "*",
        "_",
        "é",
        "\x00",
        "<terminal>",
        "<tool_call>",
        "terminal(",
        "[TOOL_CALLS]terminal{",
    ),
    *(
        '{"name":"terminal",',
        "terminal<",
        "<parameter=command>",
        '\\"',
        ", ",
        "</think>",
        "Action:",
        '{"a":["',
    ),
]


def _read(name: str, text: str) -> None:
    with suppress(Unreadable, BadInput, BadEdits, PatchRefused):
        (READERS | MORE)[name](text)


@pytest.mark.parametrize("name", READERS)
def test_repetition_costs_no_more_than_length(name: str) -> None:
    slow = []
    for piece in PIECES:
        for text in (piece * (SIZE // len(piece)), piece * (SIZE // len(piece)) + "!"):
            began = time.process_time()
            _read(name, text)
            if time.process_time() - began > MOST_CPU_SECONDS:
                slow.append(piece)
    assert slow == []


@pytest.mark.parametrize("name", [*READERS, *MORE])
@given(text=st.text(alphabet=st.sampled_from("ab.:=-+#`\"'[]{}()<>@\\/ \n\t|*_%1é\x1b"), max_size=200))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    _read(name, text)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_json, "[" * 50_000 + "]" * 50_000),
        (read_json, "[" * 200 + "]" * 200),
        (read_toml, "a = " + "[" * 9_000 + "]" * 9_000),
        (read_toml, ".".join("a" * 9_000) + " = 1"),
        (read_toml, "x = 1\n" * 200_000),
        (parse_python, "x = " + "(" * 5_000 + ")" * 5_000),
        (parse_python, "x = " + "-" * 900 + "1"),
        (parse_python, "x = a" + ".b" * 900),
        (parse_python, "x = 1\n" * 500_000),
        (parse_python, "a\x00b"),
    ],
)
def test_depth_and_size_are_refused_with_a_reason(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(Unreadable, match=r"^it "):
        read(text)


def test_usual_depths_are_read() -> None:
    assert read_json("[" * 60 + "]" * 60)
    assert isinstance(parse_python("x = " + "(" * 60 + "1" + ")" * 60), ast.Module)
    assert isinstance(parse_python("x = 1" + " + 1" * 150), ast.Module)


def test_a_repositorys_settings_are_bounded_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "nightcrew.toml").write_text(".".join("a" * 100_000) + " = 1")
    with pytest.raises(BadInput, match=r"nightcrew\.toml: it has a line of more than 20,000 characters"):
        load_target_config(tmp_path)


def test_a_patch_over_many_equal_lines_is_placed_in_linear_time() -> None:
    old = "\n" * 60_000
    hunk = Hunk(start=1, before=("\n",) * 30_000 + ("x\n",), after=())
    began = time.process_time()
    with pytest.raises(PatchRefused, match="does not apply"):
        apply_patch((FileDiff("a.txt", "a.txt", (hunk,)),), lambda _: old)
    assert time.process_time() - began < MOST_CPU_SECONDS


def test_a_change_that_recursive_code_cannot_walk_is_refused() -> None:
    hunk = Hunk(start=1, before=(), after=("x = a" + ".b" * 5_000 + "\n",))
    with pytest.raises(PatchRefused, match=r"x\.py cannot be read as Python: it is nested too deep"):
        apply_patch((FileDiff(None, "x.py", (hunk,)),), lambda _: None)


def test_untrusted_toml_is_read_at_one_door() -> None:
    """`packages/sources.py` reads the operator's own configuration, `validation/tables` our own data."""
    library = Path(nightcrew.__file__).parent
    users = {
        path.relative_to(library).as_posix()
        for path in library.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import) and any(alias.name == "tomllib" for alias in node.names)
    }
    assert users == {"untrusted.py", "execution/packages/sources.py", "validation/tables/__init__.py"}
