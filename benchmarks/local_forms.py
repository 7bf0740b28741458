"""How many answers of a real small model are calls, before and after the rescue; and which edits can be read.

    NIGHTCREW_LOCAL_MODEL=PYTHON python -m benchmarks.local_forms [--answers 100] [--record FILE]

`scripts/local_model.sh` makes the environment whose Python is meant. The engine gives back what the model
writes, as most servers of small models do. The second table asks for an edit in each format of the direct
executor: with marks in the text, and as JSON to a schema (`response_format`). A readable edit may be wrong.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.strict_agent import TOOLS
from benchmarks.support import table
from nightcrew.execution.executors.edit_format import EditFormat, format_words, read_reply, request_fields
from nightcrew.execution.executors.reply import BadEdits
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.rescue import rescued

ENGINE = Path(__file__).parent.parent / "tests/openrouter/local_engine.py"
WALL_SECONDS = 120.0
SYSTEM = (
    "You have these tools: {tools}. Call one for each step, as <tool_call>"
    '{{"name": "terminal", "arguments": {{"command": "..."}}}}</tool_call>. Answer with the call only.'
)
STEPS = (
    "List the files in {}.",
    "Show the first lines of {}.",
    "Run the tests in {}.",
    "Count the lines of {}.",
)
PLACES = ("src", "tests", "docs/index.md", "setup.py", "the current folder")
FILE = "def greet(name):\n    return 'hello ' + name\n"
EDITS = (
    "Add a docstring to greet.",
    "Rename the parameter to person.",
    "Return a capital H.",
    "Add a function bye(name).",
)


@contextmanager
def engine(python: str) -> Iterator[str]:
    """The engine's address; it takes a few seconds to load the model."""
    process = subprocess.Popen(
        [python, ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield f"{process.stdout.readline().strip()}/v1"
    finally:
        process.stdin.close()
        process.kill()


def answer(api: OpenRouterApi, messages: list[dict[str, str]], **fields: Any) -> dict[str, Any]:
    """The body of one answer."""
    body = {"model": "smollm2", "messages": messages, **fields}
    return dict(api.chat(body, wall_seconds=WALL_SECONDS).body or {})


def calls(api: OpenRouterApi, answers: int) -> dict[str, int]:
    """How many answers are calls, as they come and repaired."""
    offered, names = Offered.by({"tools": TOOLS}), ", ".join(tool["function"]["name"] for tool in TOOLS)
    found = {"answers": answers, "calls before": 0, "calls after": 0, "asked again": 0}
    for number in range(answers):
        step = STEPS[number % len(STEPS)].format(PLACES[number // len(STEPS) % len(PLACES)])
        talk = [{"role": "system", "content": SYSTEM.format(tools=names)}, {"role": "user", "content": step}]
        body = answer(api, talk, max_tokens=80, temperature=0.8, seed=number)
        repaired = rescued(body, offered)
        found["calls before"] += _has_calls(body)
        found["calls after"] += _has_calls(repaired.body)
        found["asked again"] += bool(repaired.hint)
    return found


def edits(api: OpenRouterApi, answers: int, record: Path | None) -> Iterator[dict[str, Any]]:
    """For each format: how many answers are edits that can be read; `record` gets one answer a line."""
    for kind in EditFormat:
        readable = tokens = 0
        for number in range(answers):
            task = EDITS[number % len(EDITS)]
            text = f"### greet.py\n```\n{FILE}```\nTask: {task}\n\n{format_words(kind)}"
            talk = [{"role": "user", "content": text}]
            body = answer(api, talk, max_tokens=200, temperature=0.8, seed=number, **request_fields(kind))
            tokens += int((body.get("usage") or {}).get("completion_tokens") or 0)
            readable += _is_readable(body, kind)
            if record is not None:
                with record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"format": kind, "task": task, "reply": _text(body)}) + "\n")
        yield {"format": kind, "answers": answers, "readable": readable, "output tokens": tokens}


def _is_readable(body: dict[str, Any], kind: EditFormat) -> bool:
    try:
        return bool(read_reply(_text(body), kind))
    except BadEdits:
        return False


def _text(body: dict[str, Any]) -> str:
    choice = (body.get("choices") or [{}])[0]
    return str((choice.get("message") or {}).get("content") or "")


def _has_calls(body: Any) -> bool:
    choice = (body.get("choices") or [{}])[0]
    return bool((choice.get("message") or {}).get("tool_calls"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=100)
    parser.add_argument("--record", type=Path, help="append the answers with edits to this file")
    given = parser.parse_args()
    with engine(os.environ["NIGHTCREW_LOCAL_MODEL"]) as url, OpenRouterApi(url, None) as api:
        print(json.dumps(calls(api, given.answers)), flush=True)
        table(list(edits(api, given.answers // 5, given.record)))


if __name__ == "__main__":
    main()
