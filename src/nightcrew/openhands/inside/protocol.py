"""The protocol between adapter and client.

The adapter passes two paths as arguments (the gateway's socket and the attempt's folder) and writes one
`Brief` as JSON to the client's stdin. The client answers on the results socket with one line of JSON for each
action of the agent, and a last line `RESULT {...}`. The result has facts only; the trusted side (`ending`)
decides what they mean, since everything from the sandbox is only a claim.
"""

from enum import IntEnum

from pydantic import BaseModel, ConfigDict, ValidationError

SOCKET, STATE = "/run/nightcrew/gateway.sock", "/run/nightcrew/state"
"""The paths of the gateway's socket and of the attempt's folder in the sandbox."""
RESULT_MARK = "RESULT "
TEXT_LIMIT = 2000
"""The most characters of a text in an event or result."""


class Exit(IntEnum):
    """The client's exit codes, which suggest the next step if there is no result."""

    FINISHED = 0
    OTHER_MODEL = 10
    CONFIG = 11
    LIMIT = 12
    INTERNAL = 13


class Brief(BaseModel):
    """The client's input. It contains the attempt's token, so it is never an argument or a variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    conversation_id: str
    prompt: str
    model: str
    token: str
    max_iterations: int
    wall_seconds: float
    """Time limit of the whole process, its start included."""
    call_seconds: float
    """Time limit of one model call, the gateway's waits and rotations included."""


class ErrorFacts(BaseModel):
    """An exception as plain data, to classify it where its class cannot be imported."""

    model_config = ConfigDict(frozen=True)

    name: str
    cause: str = ""
    status: int | None = None
    text: str = ""


class Result(BaseModel):
    """The state of the conversation at its end."""

    model_config = ConfigDict(frozen=True)

    status: str
    """The SDK's status: finished, stuck, error, paused ... *finished* proves nothing."""
    finish_called: bool = False
    """True if the agent's last action was to call the finish tool."""
    last_message: str = ""
    finish_reason: str | None = None
    """Of the last model call."""
    tool_errors: int = 0
    """The number of consecutive invalid tool calls at the end of the conversation."""
    last_error: str = ""
    """The last error that a tool answered with; empty if none ever did."""
    last_action: str = ""
    """The tool and arguments of the last action; empty if there was none."""
    calls: int = 0
    nudges: int = 0
    timed_out: bool = False
    error: ErrorFacts | None = None


def exit_code(result: Result) -> Exit:
    """The exit code for a result."""
    if result.timed_out or (result.error is not None and result.error.name == "MaxIterationsReached"):
        return Exit.LIMIT
    return Exit.FINISHED if result.finish_called else Exit.OTHER_MODEL


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text`, cut to at most `limit` characters with a mark."""
    return text if len(text) <= limit else f"{text[: limit - 16]} … [{len(text)} chars]"


def read_result(text: str) -> Result | None:
    """The result in a client's output; None if there is no valid one."""
    for line in reversed(text.splitlines()):
        if line.startswith(RESULT_MARK):
            try:
                return Result.model_validate_json(line.removeprefix(RESULT_MARK))
            except ValidationError:
                return None
    return None
