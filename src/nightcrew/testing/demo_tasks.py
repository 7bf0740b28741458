"""The demo's tasks and how each must end; `nightcrew demo` submits them and checks the results."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from nightcrew.task import FailureReason, Task, TaskStatus
from nightcrew.testing.scenario import shipped_path


class Expect(BaseModel):
    """How a task of the demo must end, and what must have happened before."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    status: TaskStatus
    failure_reason: FailureReason | None = None
    accepted_model: str | None = None
    """The model that served the last call of the accepted attempt."""
    rejected_models: tuple[str, ...] = ()
    """Models whose work was judged and rejected."""
    rate_limited_models: tuple[str, ...] = ()
    """Models that answered 429, after which another one continued the attempt."""
    attempts: int | None = None
    """The exact number of attempts; empty: any number."""
    least_attempts: int = 1
    """The least number; the plan may give a model another try, with the verdict's reasons."""


class DemoTask(BaseModel):
    """One task of the demo, without its repository."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    shows: str
    """What it demonstrates, in a few words."""
    task: dict[str, Any]
    """The task's fields, except `repo`."""
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
