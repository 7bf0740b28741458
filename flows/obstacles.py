"""What stands in the way of an attempt and is nobody's work: free calls that are used up, a full disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from flows.crew import Crew
from nightcrew.errors import AccountStopped, Transient
from nightcrew.execution.free_space import is_full, was_full
from nightcrew.openrouter.account import stop_crew
from nightcrew.openrouter.availability import account_of, quota_left
from nightcrew.openrouter.quota import QuotaWait
from nightcrew.openrouter.walk import LONGEST_WAIT_SECONDS
from nightcrew.queue.state_store import utc_now
from nightcrew.selection.plan import Plan

type PlanWith = Callable[[int], Plan]  # as if so many free calls were left


def wait_for_free_calls(crew: Crew, plan: Plan, plan_with: PlanWith) -> QuotaWait | None:
    """Until when `plan` has to wait; None where it can begin, or where waiting would not help it."""
    left = quota_left(crew.store, crew.settings)
    if plan.rungs:
        long = utc_now() + timedelta(seconds=LONGEST_WAIT_SECONDS)
        return left.wait if left.wait and left.wait.until > long and _begins_free(crew, plan) else None
    if not any(out.reason.startswith("quota:") for out in plan.filtered) or not plan_with(left.a_day).rungs:
        return None
    reason = f"{left.day} of {left.a_day} free calls are left of this UTC day, too few for an attempt"
    of_today = left.wait is not None and left.wait.fault == "quota_day"
    return left.wait if of_today else QuotaWait(left.resets_at, "quota_day", reason)


@contextmanager
def stopping_on_a_full_disk(crew: Crew) -> Iterator[None]:
    """A full disk stops the crew, before a task or a model is blamed for what that does to them.

    Raises:
        AccountStopped: the disk is full.
    """
    error: Exception | None = None
    try:
        yield
    except (OSError, Transient) as caught:
        error = caught
    places = (crew.settings.work_dir, crew.settings.results_dir)
    full = next((place for place in places if is_full(place)), None)
    if full is not None or was_full(error):
        message = f"no space is left on the disk of {full or crew.settings.home}"
        stop_crew(crew.store, account_of(crew.settings), fault="disk_full", message=message)
        raise AccountStopped(message) from error
    if error is not None:
        raise error


# ---------------------------------------------------------------------------------------------------------


def _begins_free(crew: Crew, plan: Plan) -> bool:
    first = plan.rungs[0].model
    return any(candidate.free for candidate in crew.catalogue.candidates() if candidate.model == first)
