"""An agent that reads answers as strictly as usual clients: a call is in `tool_calls`, or there is none.

It works on a folder held in memory. Like the OpenHands SDK it answers a call that it cannot run with an
error, reminds a model once that text does nothing, and gives up after four bad calls in a row.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_TURNS = 20
BAD_CALLS = 4
NUDGE = "You answered in text, and text does nothing here. Go on by calling a tool."


def _tool(name: str, *required: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    properties = {key: {"type": "string"} for key in (*required, *more)}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    description = "Your current working directory is: /workspace"
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS = [
    _tool("terminal", "command"),
    _tool("file_editor", "command", "path", more=("file_text",)),
    _tool("finish", "message"),
]
REQUIRED = {tool["function"]["name"]: tool["function"]["parameters"]["required"] for tool in TOOLS}


@dataclass(slots=True)
class Work:
    """One conversation and the files it has written."""

    files: dict[str, str]
    finished: bool = False
    calls: int = 0
    _bad: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)

    def run(self, prompt: str, complete: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Work until the model finishes, or it can no longer succeed."""
        self.messages = [{"role": "user", "content": prompt}]
        nudged = False
        while self.calls < MOST_TURNS and not self.finished and self._bad < BAD_CALLS:
            self.calls += 1
            message = complete({"messages": self.messages, "tools": TOOLS})["choices"][0]["message"]
            listed = message.get("tool_calls")
            calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
            content = message.get("content")
            text = content if isinstance(content, str) else json.dumps(content)
            sent = [call for call in calls if "function" in call and call.get("id")]
            if not sent:
                if nudged:
                    return
                nudged = True
                self.messages += [
                    {"role": "assistant", "content": text or "-"},
                    {"role": "user", "content": NUDGE},
                ]
                continue
            self._act(sent)

    def _act(self, calls: list[dict[str, Any]]) -> None:
        shown = [
            {**call, "function": {**call["function"], "arguments": _text(call["function"].get("arguments"))}}
            for call in calls
        ]
        self.messages.append({"role": "assistant", "content": None, "tool_calls": shown})
        for call in calls:
            result = self._result(call["function"])
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})

    def _result(self, function: Mapping[str, Any]) -> str:
        name, given = function.get("name"), function.get("arguments")
        try:
            arguments = json.loads(given) if isinstance(given, str) else None
        except ValueError:
            arguments = None
        if name not in REQUIRED or not isinstance(arguments, dict) or set(REQUIRED[name]) - arguments.keys():
            self._bad += 1
            return "Error: this is no valid call of an offered tool."
        self._bad = 0
        return self._run(str(name), arguments)

    def _run(self, name: str, arguments: Mapping[str, Any]) -> str:
        path = str(arguments.get("path", "")).removeprefix("/workspace/")
        if name == "finish":
            self.finished = True
            return "finished"
        if name == "terminal":
            words = str(arguments["command"]).split()
            for word in words[2:] if words[:2] == ["rm", "-f"] else []:
                self.files.pop(word.removeprefix("/workspace/"), None)
            return "[exit code 0]"
        if arguments["command"] == "view":
            return self.files.get(path, "the path does not exist")
        if path in self.files:
            return f"File already exists at: {path}"
        self.files[path] = str(arguments.get("file_text", ""))
        return f"File created at {path}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
