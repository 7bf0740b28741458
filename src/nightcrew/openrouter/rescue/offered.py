"""The tools that a request offers: their names as models misspell them, and the arguments that they take.

Nothing is ever read as a call to a tool that was not offered.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from nightcrew.untrusted import Unreadable, read_json

_LONGEST_NAME = 200
_SPECIAL = re.compile(r"<[|｜][^<>]{0,80}[|｜]>.*$", re.DOTALL)
_PREFIX = re.compile(r"^(?:\w{1,60}[./:])++")
_SUFFIX = re.compile(r"\.(?:call|run|invoke|execute)$")
_NUMBER = re.compile(r"[:#]\d{1,6}$")
_NEAR = 0.84
WRAPPERS = frozenset(
    [
        "arguments",
        "args",
        "parameters",
        "params",
        "input",
        "inputs",
        "kwargs",
        "payload",
        "actioninput",
        "toolinput",
    ]
)  # names of a box around the arguments, by their letters
_PARSED: Mapping[str, type | tuple[type, ...]] = {
    "array": list,
    "object": dict,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


@dataclass(frozen=True, slots=True)
class Tool:
    """One offered tool and the JSON schemas of its parameters."""

    name: str
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    open: bool = False  # takes parameters that it does not name

    def takes(self, arguments: Mapping[str, Any]) -> bool:
        """True if the tool can be called with these arguments, under the names that it gives them."""
        named = self._named(arguments)
        known = self.open or all(name in self.parameters for name in named)
        return known and self.required <= named.keys()

    def typed(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by the schema: its names, what it asks for in place of texts, and no other nulls."""
        made = {
            name: _typed(value, self.parameters.get(name, {}))
            for name, value in self._named(arguments).items()
        }
        return {name: value for name, value in made.items() if value is not None or self._takes_null(name)}

    def _takes_null(self, name: str) -> bool:
        kinds = _kinds(self.parameters.get(name, {}))
        return not kinds or "null" in kinds or name in self.required

    def _named(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments under the schema's names: by their letters, or one text as the one missing."""
        unknown = [name for name in arguments if name not in self.parameters]
        if self.open or not unknown:
            return arguments
        by_letters = {_letters(name): name for name in self.parameters if name not in arguments}
        renamed = {name: by_letters.get(_letters(name), name) for name in unknown}
        missing = self.required - arguments.keys() - set(renamed.values())
        left = [name for name in unknown if renamed[name] == name and _letters(name) not in WRAPPERS]
        if len(left) == len(missing) == 1 and len(self.required) == 1 and isinstance(arguments[left[0]], str):
            renamed[left[0]] = next(iter(missing))
        names = [renamed.get(name, name) for name in arguments]
        # Two arguments of one name say two things.
        return dict(zip(names, arguments.values(), strict=True)) if len({*names}) == len(names) else arguments


@dataclass(frozen=True, slots=True)
class Offered:
    """The tools of one request; false if there are none, or none may be called."""

    tools: Mapping[str, Tool]
    used_ids: frozenset[str] = frozenset()  # of the conversation's earlier calls

    def __bool__(self) -> bool:
        return bool(self.tools)

    @classmethod
    def by(cls, request: Mapping[str, Any]) -> "Offered":
        """The tools that a request offers, which `request_schema` has checked."""
        if request.get("tool_choice") == "none":
            return cls({})
        functions = [tool["function"] for tool in request.get("tools") or ()]
        calls = (
            call for message in request.get("messages") or () for call in message.get("tool_calls") or ()
        )
        ids = frozenset(call["id"] for call in calls if isinstance(call.get("id"), str))
        return cls({function["name"]: _tool(function) for function in functions}, ids)

    def named(self, name: object) -> Tool | None:
        """The tool that a model means by `name`: by its letters, or the only near one."""
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            return None
        return self.by_letters(name) or self._near(_letters(_PREFIX.sub("", _bare(name))))

    def by_letters(self, name: str) -> Tool | None:
        """The tool with the letters of `name`, whatever their case, prefix, and the marks around them."""
        if name in self.tools:
            return self.tools[name]
        bare = _bare(name)
        return self._with(_letters(bare)) or self._with(_letters(_PREFIX.sub("", bare)))

    def _with(self, letters: str) -> Tool | None:
        found = [tool for name, tool in self.tools.items() if letters and _letters(name) == letters]
        return found[0] if len(found) == 1 else None

    def _near(self, letters: str) -> Tool | None:
        """The only tool whose name is alike, or begins or ends with the given one, or the other way round."""
        known = {_letters(name): name for name in self.tools}
        near = get_close_matches(letters, known, n=2, cutoff=_NEAR) if len(letters) > 3 else []
        if not near and len(letters) > 5:
            near = [name for name in known if _overlap(name, letters) or _overlap(letters, name)]
        return self.tools[known[near[0]]] if len(near) == 1 else None


# ----------------------------------------------------------------------------------------------------


def _tool(function: Mapping[str, Any]) -> Tool:
    schema = function.get("parameters") or {}
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return Tool(
        function["name"],
        {name: value if isinstance(value, Mapping) else {} for name, value in properties.items()},
        frozenset(names),
        open=bool(schema.get("additionalProperties")) or not schema,
    )


def _bare(name: str) -> str:
    plain = _SPECIAL.sub("", name).replace("\\", "").strip().strip("`'\"<>()[]")
    return _SUFFIX.sub("", _NUMBER.sub("", plain))


def _overlap(whole: str, part: str) -> bool:
    return len(part) > 5 and (whole.startswith(part) or whole.endswith(part))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    kinds = _kinds(schema)
    if not isinstance(value, str) or not kinds or "string" in kinds:
        if isinstance(value, dict | list) and kinds == {"string"}:
            return json.dumps(value, ensure_ascii=False)
        return value
    text = value.strip()
    if "boolean" in kinds and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if text.lower() in {"null", "none"} and "null" in kinds:
        return None
    try:
        parsed = read_json(text) if len(text) < 10_000 else value
    except Unreadable:
        return value
    fits = any(isinstance(parsed, _PARSED[kind]) for kind in kinds if kind in _PARSED)
    return parsed if fits and (not isinstance(parsed, bool) or "boolean" in kinds) else value


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema admits, where it says so plainly."""
    options = [schema, *(entry for entry in schema.get("anyOf") or () if isinstance(entry, Mapping))]
    kinds: set[str] = set()
    for option in options:
        kind = option.get("type")
        kinds.update([kind] if isinstance(kind, str) else kind if isinstance(kind, list) else ())
    return {kind for kind in kinds if isinstance(kind, str)}
