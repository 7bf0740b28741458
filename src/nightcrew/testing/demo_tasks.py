"""The tasks of the demo, and how each must end; `nightcrew demo` submits them and checks itself by them."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from nightcrew.task import FailureReason, Task, TaskStatus
from nightcrew.testing.scenario import shipped_path


class Expect(BaseModel):
    """How a task of the demo must end, and what must have happened on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    status: TaskStatus
    failure_reason: FailureReason | None = None
    accepted_model: str | None = None
    """The model that served the last call of the accepted attempt."""
    rejected_models: tuple[str, ...] = ()
    """Models whose work was judged and rejected."""
    rate_limited_models: tuple[str, ...] = ()
    """Models that answered 429 on the way, with another one going on in the same attempt."""
    attempts: int | None = None
    """Exactly so many attempts; empty: any number."""


class DemoTask(BaseModel):
    """One task of the demo, still without the repository it is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    shows: str
    """What a person sees in it, in a few words."""
    task: dict[str, Any]
    """The task's fields but for `repo`."""
    expect: Expect

    def for_repo(self, repo: str) -> Task:
        """The task, ready to be submitted."""
        return Task.model_validate({**self.task, "repo": repo})


class DemoTasks(BaseModel):
    """A file of demo tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[DemoTask, ...]


def shipped_tasks() -> tuple[DemoTask, ...]:
    """The tasks that `nightcrew demo` submits."""
    path = shipped_path("demo_tasks.json")
    return DemoTasks.model_validate_json(path.read_text(encoding="utf-8")).tasks
