"""The allowed fields of a chat request, since the sender is untrusted and calls cost money.

Only function tools pass: a provider's own tools (web search, code execution, file access) cost extra and lead
out of the sandbox. Only text passes as content, because an image URL leads out as well. Keys that are not
listed are dropped, because clients add their own; listed keys with an invalid value are refused.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from nightcrew.errors import BadInput

MOST_MESSAGES = 10_000
MOST_TOOLS = 256
MOST_DEPTH = 64  # of a JSON schema; real schemas have fewer than ten levels


def _shallow(value: JsonValue) -> JsonValue:
    level: list[JsonValue] = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return value
    raise ValueError(f"is nested more than {MOST_DEPTH} levels deep")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


type Schema = Annotated[dict[str, JsonValue], AfterValidator(_shallow)]
type Number = Annotated[float, Field(ge=-1000, le=1000), AfterValidator(_finite)]
type Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class TextPart(_Part):
    """A text; `cache_control` marks the end of what a provider may cache."""

    type: Literal["text"]
    text: str
    cache_control: dict[Literal["type", "ttl"], str] | None = None


class FunctionCall(_Part):
    """A function's name and its arguments as JSON text."""

    name: Name
    arguments: str


class ToolCall(_Part):
    """An earlier tool call of a model."""

    id: Annotated[str, Field(max_length=256)]
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(_Part):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[str | TextPart] | None = None
    name: Name | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=MOST_TOOLS)] | None = None
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class Function(_Part):
    """A function for models to call."""

    name: Name
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None


class Tool(_Part):
    """A tool; only function tools are allowed."""

    type: Literal["function"]
    function: Function


class NamedFunction(_Part):
    """The name of the function to be called."""

    name: Name


class NamedTool(_Part):
    """The tool to be called."""

    type: Literal["function"]
    function: NamedFunction


class JsonSchema(_Part):
    """The schema of a structured answer."""

    name: Name
    schema_: Annotated[Schema, Field(alias="schema")]
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(_Part):
    """The format of an answer: text, any JSON, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Reasoning(_Part):
    """The amount of reasoning before an answer."""

    effort: Name | None = None
    max_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class ChatParameters(_Part):
    """Everything in a chat request that may reach a provider, except model, token limit and routing."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    tools: Annotated[list[Tool], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Number | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    repetition_penalty: Number | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    reasoning_effort: Name | None = None


def allowed_parameters(body: Any) -> dict[str, Any]:
    """The part of `body` that may be sent, ready for JSON; keys without a value are dropped.

    Raises:
        BadInput: a listed key has an invalid value; the message names the key.
    """
    try:
        parameters = ChatParameters.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadInput(f"this request cannot be sent to a model: {place}: {first['msg']}") from None
    except RecursionError:
        raise BadInput(f"this request cannot be sent: it is nested more than {MOST_DEPTH} deep") from None
    sent = parameters.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return {name: value for name, value in sent.items() if value is not None}
