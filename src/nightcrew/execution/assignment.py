"""The input and output of an executor. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from nightcrew.execution.attempt import AttemptEnd, Stopped
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.executors.edit_format import EditFormat
from nightcrew.execution.sandbox import Limits, Sandbox
from nightcrew.task import ExecutorName, Task


@dataclass(frozen=True, slots=True)
class DoorUsage:
    """The usage of an attempt's door so far."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    models_served: tuple[str, ...]
    stopped: Stopped | None  # why the door is shut; None while it is open
    infrastructure: bool  # the last refusal says nothing about the model's skill


class ModelDoor(Protocol):
    """The only access of an attempt to models. It holds the key, counts calls and pays for them."""

    @property
    def socket_path(self) -> Path:
        """The unix socket with the OpenAI-compatible server, to be mounted into the sandbox."""
        ...

    @property
    def token(self) -> str:
        """The attempt's token for the socket; useless elsewhere."""
        ...

    @property
    def model(self) -> str:
        """The model's name at the door."""
        ...

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an OpenAI-style chat request; raises Nightcrew's errors."""
        ...

    def usage(self) -> DoorUsage:
        """The usage so far."""
        ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """One prepared attempt."""

    task: Task
    attempt_id: str
    number: int
    executor: ExecutorName
    model: str
    feedback: str  # why the previous attempt was rejected; empty for the first
    checkout: Checkout
    environment: Environment
    sandbox: Sandbox
    door: ModelDoor
    limits: Limits
    max_iterations: int
    judged_by: tuple[str, ...]  # commands, as typed in the workspace
    conventions: str  # the repository's rules for contributors; may be empty
    state_dir: Path  # for the executor, outside the workspace, deleted after the attempt
    context_tokens: int = 32_000  # the model's context window
    root: str = ""  # the folder of the project to work on
    call_seconds: float = 180.0  # that a model may take for one answer
    formats: tuple[EditFormat, ...] = (EditFormat.TEXT,)  # of edits, to ask for one after the other


@dataclass(frozen=True, slots=True)
class Report:
    """The executor's report of its end; `last_message` is the model's last message, which proves nothing."""

    end: AttemptEnd
    detail: str
    last_message: str = ""
    text_was_read: bool | None = None  # its first reply in the text format had edits; None: it was not asked


class Executor(Protocol):
    """Works on an assignment by changing its checkout."""

    def execute(self, assignment: Assignment) -> Report:
        """Work until it is done or cannot continue; a model's faults are reported, not raised.

        Raises:
            Fatal, Transient: problems that another model would not solve.
        """
        ...
