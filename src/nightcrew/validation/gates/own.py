"""The user's own gates: a function or a command that the repository names in its configuration.

A function `module:function` gets a dict (task_type, target_file, changes) with the patched tree as working
folder and returns True, False, a text (what is wrong), or a dict with `passed`, `message` and perhaps
`strength`. A command passes with exit code 0. Both run in the sandbox and are read from base, so a change
cannot edit the gates that judge it.
"""

import json
import re

from nightcrew.untrusted import read_json
from nightcrew.validation.gate import Gate, failed, not_measurable, passed
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command, tail
from nightcrew.validation.verdict import GateResult

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_CALL = """
import importlib, json, os, sys
facts = json.load(sys.stdin)
out = os.dup(1)
os.dup2(2, 1)
answer = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(facts)
with os.fdopen(out, "w") as stream:
    json.dump(answer, stream)
"""


class OwnRule(Gate):
    """One rule from the repository's configuration."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.name = f"own:{rule}"

    def run(self, room: CleanRoom) -> GateResult:
        """Calls the function or runs the command."""
        if not _FUNCTION.fullmatch(self.rule):
            return self._command(room)
        module, _, function = self.rule.partition(":")
        places = {
            f"{root}{module.replace('.', '/')}{end}"
            for root in ("", "src/")
            for end in (".py", "/__init__.py")
        }
        if any(change.path in places for change in room.changes):
            return failed(
                self.name, f"The change touches the rule {self.rule} itself.", "Leave the rule alone."
            )
        return self._function(room, module, function)

    def _command(self, room: CleanRoom) -> GateResult:
        completed = run_command(room, room.patched, self.rule)
        evidence = {"output": tail(completed, 2000)}
        if completed.killed_by is not None:
            return not_measurable(self.name, f"`{self.rule}` was ended: {completed.killed_by}.")
        if completed.returncode != 0:
            message = f"`{self.rule}` ends with {completed.returncode}: {tail(completed)}"
            return failed(self.name, message, f"Make `{self.rule}` succeed.", evidence=evidence)
        return passed(self.name, f"`{self.rule}` succeeds.", output=evidence["output"])

    def _function(self, room: CleanRoom, module: str, function: str) -> GateResult:
        request = {
            "task_type": room.task.task_type.value,
            "description": room.task.description,
            "target_file": room.task.target_file,
            "changes": [change.path for change in room.changes],
        }
        command = f"exec python -c '{_CALL}' {module} {function}"
        completed = run_command(room, room.patched, command, stdin=json.dumps(request).encode())
        try:
            answer = read_json(completed.stdout)
        except ValueError:
            return not_measurable(self.name, f"The rule {self.rule} could not be asked: {tail(completed)}")
        if isinstance(answer, str):
            answer = {"passed": not answer, "message": answer}
        if not isinstance(answer, dict):
            answer = {"passed": answer is True or answer is None}
        message = str(
            answer.get("message") or f"The rule {self.rule} says {'yes' if answer.get('passed') else 'no'}."
        )
        if answer.get("passed") is not True:
            return failed(self.name, message, message, evidence={"answer": answer})
        strength = answer.get("strength")
        return passed(
            self.name, message, strength=float(strength) if isinstance(strength, int | float) else None
        )
