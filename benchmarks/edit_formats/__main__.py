"""The formats in which a model can hand over edits, side by side.

    python -m benchmarks.edit_formats

*search* and *file* are text (SEARCH/REPLACE blocks, whole files), *json* is an object to a schema
(`response_format`), *tool* are calls of a single edit tool with the same fields, through the rescue of the
gateway. Four tables:

1. what the same edits cost in each format, in output tokens (of four characters);
2. habits of models put upon right answers: how many edits are applied right, asked for again, or applied
   WRONG; a provider that enforces the schema rules out the habits with a star;
3. the twin's characters: how many new files of one answer are applied right; for *tool* in wrong forms too;
4. answers of a real small model that `python -m benchmarks.local_forms --record` wrote (`recorded.jsonl`).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.edit_formats.habits import HABITS, Habit
from benchmarks.edit_formats.writing import EDITS, TEXTS, TOOL, Edited, Format, written
from benchmarks.local_forms import FILE
from benchmarks.support import table, verdict
from nightcrew.execution.executors.edit_format import EditFormat, read_reply, request_fields
from nightcrew.execution.executors.edits import planned
from nightcrew.execution.executors.reply import BadEdits, Edit, WholeFile
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.rescue import rescued
from nightcrew.testing.forms import AnswerForm, shaped
from nightcrew.testing.scenario import Character, Scenario, ScriptedModel
from nightcrew.testing.solutions import Solution
from nightcrew.testing.twin import Twin

RECORDED = Path(__file__).with_name("recorded.jsonl")
OFFERED = Offered.by({"tools": [TOOL]})
CHARACTERS = (Character.CAPABLE, Character.FORMLESS, Character.TRUNCATOR, Character.TALKER)


def read(text: str, kind: Format) -> tuple[Edit, ...]:
    """The edits in an answer's text, or for a tool in the arguments of its calls.

    Raises:
        BadEdits: there are none, or not for certain.
    """
    if kind in TEXTS or kind is Format.JSON:
        found = read_reply(text, EditFormat.JSON if kind is Format.JSON else EditFormat.TEXT)
    else:
        found = _of_message(_choice(text))
    if not found:
        raise BadEdits("the answer has no edit")
    return found


def outcome(text: str, kind: Format, edited: Edited) -> str:
    """Whether the edit is applied right, asked for again, or applied wrong."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        if edited.before:
            (tree / edited.path).parent.mkdir(parents=True, exist_ok=True)
            (tree / edited.path).write_text(edited.before)
        try:
            contents = planned(read(text, kind), tree)
        except BadEdits:
            return "again"
    return "right" if contents == {edited.path: edited.after.encode()} else "wrong"


def costs() -> Iterator[dict[str, Any]]:
    """The output tokens of each edit."""
    for edited in EDITS:
        tokens = {str(kind): len(written(edited, kind)) // 4 for kind in Format}
        yield {"edit": edited.path, "lines": len(edited.after.splitlines()), **tokens}


def with_habits() -> Iterator[dict[str, Any]]:
    """What becomes of all edits under each habit."""
    for habit in HABITS:
        yield {"habit": f"{habit.name}{' *' * habit.is_ruled_out}"} | {
            str(kind): _counted(habit, kind) if kind in habit.formats else "-" for kind in Format
        }


def of_characters() -> Iterator[dict[str, Any]]:
    """For each character and format, how many new files of one answer are applied right."""
    new = [edited for edited in EDITS if not edited.before]
    good: dict[str, str | None] = {edited.path: edited.after for edited in new}
    models = tuple(ScriptedModel(id=f"house/{who}", character=who, structured=True) for who in CHARACTERS)
    with (
        Twin(Scenario(models=models, solutions=(Solution(good=good),))) as twin,
        OpenRouterApi(twin.base_url, None) as api,
    ):
        for model in models:
            yield {
                "character": model.character,
                "text": _applied(_asked(api, model.id, {}), Format.FILE, new),
                "json": _applied(_asked(api, model.id, request_fields(EditFormat.JSON)), Format.JSON, new),
                "tool": _applied(called := _asked(api, model.id, {"tools": [TOOL]}), Format.TOOL, new),
                "tool, in wrong forms": _in_all_forms(called, new),
            }


def recorded() -> Iterator[dict[str, Any]]:
    """Recorded answers: how many can be read, and be applied to the file that they were asked about."""
    answers = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    for kind in EditFormat:
        found: Counter[str] = Counter()
        for answer in answers:
            if answer["format"] == kind:
                found["answers"] += 1
                found[_fate(answer["reply"], kind)] += 1
        yield {"format": kind} | {
            name: found[name] for name in ("answers", "applied", "not placed", "not read")
        }


def main() -> None:
    for rows in (costs(), with_habits(), of_characters(), recorded()):
        table(list(rows))
        print()
    silent = [
        f"{habit.name} in {kind}"
        for habit in HABITS
        for kind in habit.formats
        if any(outcome(habit.change(written(e, kind)), kind, e) == "wrong" for e in EDITS)
    ]
    verdict({f"no habit makes a wrong edit ({', '.join(silent) or 'none'})": not silent})


# ----------------------------------------------------------------------------------------------------


def _counted(habit: Habit, kind: Format) -> str:
    found = Counter(outcome(habit.change(written(edited, kind)), kind, edited) for edited in EDITS)
    wrong = f", {found['wrong']} WRONG" if found["wrong"] else ""
    return f"{found['right']} right, {found['again']} again{wrong}"


def _choice(arguments: str) -> dict[str, Any]:
    """A call with these arguments, which may be no JSON."""
    function = {"name": "edit", "arguments": arguments}
    calls = [{"id": "c1", "type": "function", "function": function}]
    return {"message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}


def _of_message(choice: dict[str, Any]) -> tuple[Edit, ...]:
    """The edits of a message's calls, after the rescue."""
    made = rescued({"choices": [choice]}, OFFERED).body["choices"][0]["message"]
    edits: list[Edit] = []
    for call in made.get("tool_calls") or ():
        try:
            given = json.loads(call["function"]["arguments"])
        except ValueError as error:
            raise BadEdits(str(error)) from None
        fields = {name: given.get(name) for name in ("path", "content", "search", "replace")}
        edits.extend(read_reply(json.dumps({"edits": [fields]}), EditFormat.JSON))
    return tuple(edits)


def _asked(api: OpenRouterApi, model: str, fields: dict[str, Any]) -> dict[str, Any]:
    talk = [{"role": "user", "content": "Task type: unit_test\nTask: Write the tests."}]
    body = api.chat({"model": model, "messages": talk, **fields}, wall_seconds=20).body or {}
    choice = dict(body["choices"][0])
    return {**choice, "message": {**choice["message"], "content": choice["message"].get("content") or ""}}


def _applied(choice: dict[str, Any], kind: Format, new: list[Edited]) -> str:
    try:
        edits = _of_message(choice) if kind is Format.TOOL else read(choice["message"]["content"], kind)
    except BadEdits:
        edits = ()
    wanted = {(edited.path, edited.after) for edited in new}
    right = wanted & {(edit.path, edit.content) for edit in edits if isinstance(edit, WholeFile)}
    return f"{len(right)} of {len(wanted)}"


def _in_all_forms(choice: dict[str, Any], new: list[Edited]) -> str:
    """How many of the wrong forms give all files."""
    if choice["finish_reason"] != "tool_calls":
        return "-"
    forms = [form for form in AnswerForm if form is not AnswerForm.UNREADABLE]
    right = 0
    for form in forms:
        message, finish = shaped(form, choice["message"], choice["finish_reason"])
        made = {**choice, "message": message, "finish_reason": finish}
        right += _applied(made, Format.TOOL, new) == f"{len(new)} of {len(new)}"
    return f"{right} of {len(forms)} forms"


def _fate(reply: str, kind: EditFormat) -> str:
    try:
        edits = read_reply(reply, kind)
    except BadEdits:
        edits = ()
    if not edits:
        return "not read"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "greet.py").write_text(FILE)
        try:
            return "applied" if planned(edits, Path(folder)) else "not placed"
        except BadEdits:
            return "not placed"


if __name__ == "__main__":
    main()
