"""The names of a task's steps, which tell them apart on the page of its run: `execute 2: vendor/model`."""

from prefect.runtime import task_run

from nightcrew.execution.attempt import Attempt
from nightcrew.selection.plan import Plan
from nightcrew.validation.verdict import Verdict
from nightcrew.work.work import Work


def name_of_step() -> str:
    """The step with the number of its attempt and, once it is known, the model or the verdict."""
    given = task_run.parameters or {}
    return described(
        str(task_run.task_name),
        work=given["work"],
        plan=given.get("plan"),
        attempt=given.get("attempt"),
        verdict=given.get("verdict"),
    )


def described(
    step: str,
    *,
    work: Work,
    plan: Plan | None = None,
    attempt: Attempt | None = None,
    verdict: Verdict | None = None,
) -> str:
    """The name of a step with these arguments."""
    number = attempt.number if attempt else work.trials[-1].attempt.number + 1 if work.trials else 1
    if verdict is not None:
        about = str(verdict.kind).replace("_", " ")
    elif attempt is not None:
        about = attempt.model
    else:
        about = plan.rungs[0].model if plan and plan.rungs else ""
    return f"{step} {number}: {about}" if about else f"{step} {number}"
