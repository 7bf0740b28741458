"""What the adapter and the client say to each other.

The adapter names two paths as arguments (the gateway's socket and the attempt's folder) and writes one
`Brief` as JSON to the client's stdin. The client answers on the results socket with one JSON object a line
for each thing the agent did, and last a line `RESULT {...}`. The result holds facts, no judgement: what they
mean is decided on the trusted side (`ending`), since everything in the sandbox is only a claim.
"""

from enum import IntEnum

from pydantic import BaseModel, ConfigDict, ValidationError

RESULT_MARK = "RESULT "
TEXT_LIMIT = 2000
"""Characters of one text in an event or result; the rest is cut."""


class Exit(IntEnum):
    """Exit codes of the client: what the next step would be, for those who cannot read the result."""

    FINISHED = 0
    OTHER_MODEL = 10
    CONFIG = 11
    LIMIT = 12
    INTERNAL = 13


class Brief(BaseModel):
    """All that the client is told. It holds the attempt's token, so it never is an argument or a variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    conversation_id: str
    prompt: str
    model: str
    token: str
    max_iterations: int
    wall_seconds: float
    """Of the whole process, its start included."""
    call_seconds: float
    """Of one model call, the gateway's waits and rotations included."""


class ErrorFacts(BaseModel):
    """An exception as plain data, so that it can be classified where its class is not importable."""

    model_config = ConfigDict(frozen=True)

    name: str
    cause: str = ""
    status: int | None = None
    text: str = ""


class Result(BaseModel):
    """How the conversation stood when it ended."""

    model_config = ConfigDict(frozen=True)

    status: str
    """The SDK's word: finished, stuck, error, paused ... *finished* proves nothing."""
    finish_called: bool = False
    """The last thing the agent did was to call the finish tool."""
    said: str = ""
    finish_reason: str | None = None
    """Of the last model call."""
    tool_errors: int = 0
    """Tool calls at the end of the conversation, in a row, that could not be run as they came."""
    calls: int = 0
    nudges: int = 0
    timed_out: bool = False
    error: ErrorFacts | None = None
    import_cpu_seconds: float = 0.0
    total_cpu_seconds: float = 0.0


def exit_code(result: Result) -> Exit:
    """The exit code that goes with a result."""
    if result.timed_out or (result.error is not None and result.error.name == "MaxIterationsReached"):
        return Exit.LIMIT
    return Exit.FINISHED if result.finish_called else Exit.OTHER_MODEL


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text`, at most `limit` characters long, saying so where something is missing."""
    return text if len(text) <= limit else f"{text[: limit - 16]} … [{len(text)} chars]"


def read_result(told: str) -> Result | None:
    """The result in what a client told; None where there is none or it is not one."""
    for line in reversed(told.splitlines()):
        if line.startswith(RESULT_MARK):
            try:
                return Result.model_validate_json(line.removeprefix(RESULT_MARK))
            except ValidationError:
                return None
    return None
