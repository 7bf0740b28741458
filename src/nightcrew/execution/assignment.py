"""What an executor is given and what it hands back. Shapes only."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.sandbox import Limits, Sandbox
from nightcrew.task import ExecutorName, Task


@dataclass(frozen=True, slots=True)
class DoorUsage:
    """What went through an attempt's door so far."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    models_served: tuple[str, ...]
    stopped: str | None  # why the door is shut, None while it is open
    infrastructure: bool  # the last refusal was nobody's lack of skill


class ModelDoor(Protocol):
    """The only way from an attempt to a model. It holds the key, counts and pays."""

    @property
    def socket_path(self) -> Path:
        """The unix socket that speaks the OpenAI protocol, to be mounted into the sandbox."""
        ...

    @property
    def token(self) -> str:
        """What the attempt shows at the socket; worthless anywhere else."""
        ...

    @property
    def model(self) -> str:
        """The model's name as the door knows it."""
        ...

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an OpenAI-style chat request; raises the house's errors."""
        ...

    def usage(self) -> DoorUsage:
        """What went through so far."""
        ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt, ready to be worked on."""

    task: Task
    attempt_id: str
    number: int
    executor: ExecutorName
    model: str
    feedback: str  # why the previous attempt was rejected; empty on the first
    checkout: Checkout
    environment: Environment
    sandbox: Sandbox
    door: ModelDoor
    limits: Limits
    max_iterations: int
    judged_by: tuple[str, ...]  # commands, as typed in the workspace
    conventions: str  # what the repository asks of contributors; may be empty
    state_dir: Path  # the executor's own, outside the workspace, gone after the attempt
    context_tokens: int = 32_000  # what the model can read at once
    root: str = ""  # the folder of the project that is worked on


@dataclass(frozen=True, slots=True)
class Report:
    """How the executor says it ended. `said` is the model's last word, which proves nothing."""

    end: AttemptEnd
    detail: str
    said: str = ""


class Executor(Protocol):
    """Works on an assignment by changing its checkout."""

    def execute(self, assignment: Assignment) -> Report:
        """Work until it is done or cannot go on; a model's faults are reports, not errors.

        Raises:
            Fatal, Transient: what no other model would change.
        """
        ...
