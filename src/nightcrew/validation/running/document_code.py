"""The Python in a document, run as a reader would: one block after the other, in one process."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from nightcrew.untrusted import read_json
from nightcrew.validation.reading.documents import Block
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command

_RUN = """
import contextlib, doctest, io, json, os, re, signal, sys
out = os.dup(1)
os.dup2(2, 1)
job = json.load(sys.stdin)
own, space, found = set(job["own"]), {"__name__": "__main__"}, {"wrong": [], "untried": []}
checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
signature = re.compile(r"unexpected keyword|positional argument|required keyword|multiple values for")

def is_own(holder):
    name = getattr(holder, "__name__", None) if isinstance(holder, type(os)) else None
    name = name or getattr(holder, "__module__", None) or type(holder).__module__
    return str(name).split(".")[0] in own

def is_wrong(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    here = trace.tb_frame.f_code.co_filename == "<document>"
    if isinstance(error, ImportError):
        return (error.name or "").split(".")[0] in own
    if isinstance(error, AttributeError):
        return here and is_own(error.obj)
    return here and isinstance(error, TypeError) and signature.search(str(error)) is not None

def examples(text):
    for example in doctest.DocTestParser().get_examples(text):
        got = io.StringIO()
        with contextlib.redirect_stdout(got):
            exec(compile(example.source, "<document>", "single"), space)
        shown, given = example.want, got.getvalue()
        if shown and not example.exc_msg and not checker.check_output(shown, given, flags):
            return ">>> " + example.source.strip()[:100] + " gives " + given.strip()[:100]
    return ""

def late(*_):
    raise TimeoutError("it takes too long")

signal.signal(signal.SIGALRM, late)
for line, text in job["blocks"]:
    signal.alarm(20)
    try:
        wrong = examples(text) if ">>>" in text else exec(compile(text, "<document>", "exec"), space)
        if wrong:
            found["wrong" if not found["untried"] else "untried"].append([line, wrong])
    except BaseException as error:
        kind = "wrong" if is_wrong(error) else "untried"
        found[kind].append([line, type(error).__name__ + ": " + str(error)[:200]])
signal.alarm(0)
with os.fdopen(out, "w") as stream:
    json.dump(found, stream)
os._exit(0)
"""


class DocumentCode(NamedTuple):
    """The results of the blocks, each with its line."""

    wrong: list[str]  # blocks that the repository's code contradicts
    untried: list[str]  # blocks that cannot be decided here, because something they need is missing


def run_document(room: CleanRoom, blocks: Sequence[Block]) -> DocumentCode:
    """Runs a document's Python on the patched tree; errors about the repository's own names are wrong."""
    if not blocks:
        return DocumentCode([], [])
    own = {path.name.removesuffix(".py") for path in room.base.iterdir() if path.suffix in {"", ".py"}}
    src = room.base / "src"
    own |= {path.name.removesuffix(".py") for path in src.iterdir()} if src.is_dir() else set()
    job = {"own": sorted(own), "blocks": [[one.line, one.text] for one in blocks]}
    script = _RUN.replace("'", "'\"'\"'")
    completed = run_command(room, room.patched, f"exec python -c '{script}'", stdin=json.dumps(job).encode())
    try:
        found = read_json(completed.stdout)
        return DocumentCode(
            *([f"line {line}: {text}" for line, text in found[key]] for key in DocumentCode._fields)
        )
    except (ValueError, KeyError, TypeError):
        return DocumentCode([], [f"line {blocks[0].line}: the code ends the process"])
