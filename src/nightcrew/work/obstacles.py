"""Reasons an attempt cannot start yet: no free calls left, all models unavailable, a full disk."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nightcrew.crew.stop import AWAITING_PROVIDER, DISK_FULL, places_of
from nightcrew.errors import AccountStopped
from nightcrew.execution.checkout.free_space import obstacle, was_full
from nightcrew.openrouter.books import breakers
from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.availability import account_of, quota_left
from nightcrew.openrouter.books.breakers import model_key
from nightcrew.openrouter.books.offline import probed
from nightcrew.openrouter.books.quota import QuotaLeft
from nightcrew.openrouter.serving.rotation import LONGEST_WAIT_SECONDS
from nightcrew.queue.state_store import utc_now
from nightcrew.secrets.redaction import redact
from nightcrew.selection.plan import FilterName, Plan
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.work.crew import Crew
from nightcrew.work.outcome import Outcome

type PlanIf = Callable[
    [Mapping[str, object]], Plan
]  # the plan if the crew's availability were changed in this way


UNATTENDED = timedelta(minutes=30)  # after it, a task looks by itself whether the provider is back


class WaitKind(StrEnum):
    """What a task waits for; the value is the name of its flow run's state while it waits."""

    QUOTA = "AwaitingQuota"
    MODEL = "AwaitingModel"
    PROVIDER = AWAITING_PROVIDER


@dataclass(frozen=True, slots=True)
class Wait:
    """No attempt can start before `until`."""

    kind: WaitKind
    until: datetime
    reason: str

    def __str__(self) -> str:
        return f"Waits until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


def outcome_of_wait(wait: Wait) -> Outcome:
    """The outcome of a task that cannot wait, because no worker would start it again."""
    reason = FailureReason.BUDGET if wait.kind is WaitKind.QUOTA else FailureReason.INFRASTRUCTURE
    return Outcome(TaskStatus.FAILED, str(wait), reason)


def wait_for_provider(crew: Crew) -> Wait | None:
    """Until when to wait because the provider cannot be reached; None if it can, perhaps by a probe made now.

    A running engine ends the wait as soon as its own probe succeeds.
    """
    outage = probed(crew.store, crew.api)
    if outage is None:
        return None
    reason = f"the provider cannot be reached since {outage.since:%H:%M} UTC: {outage.reason}"
    return Wait(WaitKind.PROVIDER, utc_now() + UNATTENDED, reason)


def wait_for_models(crew: Crew, plan: Plan, plan_if: PlanIf) -> Wait | None:
    """Until when `plan` has to wait; None if it can start, or if waiting would not help."""
    left = quota_left(crew.store, crew.settings)
    if plan.rungs:
        long = utc_now() + timedelta(seconds=LONGEST_WAIT_SECONDS)
        needed = left.wait is not None and left.wait.until > long and _begins_free(crew, plan)
        return _for_quota(left) if needed else None
    left_out = {out.removal.by for out in plan.filtered}
    if FilterName.QUOTA in left_out and plan_if({"free_calls_left": left.a_day}).rungs:
        return _for_quota(left)
    if FilterName.RESTING in left_out and plan_if({"resting": {}}).rungs:
        resting = {out.model for out in plan.filtered if out.removal.by is FilterName.RESTING}
        return _for_rest(crew, resting)
    return None


@contextmanager
def stopping_on_a_full_disk(crew: Crew) -> Iterator[None]:
    """Stop the crew if the disk is full, so that the errors which follow are not blamed on a task or model.

    Raises:
        AccountStopped: the disk is full, over its quota, or read-only.
    """
    error: Exception | None = None
    try:
        yield
    except AccountStopped:
        raise
    except Exception as caught:
        error = caught
    message = next(filter(None, map(obstacle, places_of(crew.settings))), "")
    if not message and was_full(error):
        message = f"a disk was full or read-only: {redact(str(error).splitlines()[-1])}"
    if message:
        stop_crew(crew.store, account_of(crew.settings), fault=DISK_FULL, message=message)
        raise AccountStopped(message) from error
    if error is not None:
        raise error


# ---------------------------------------------------------------------------------------------------------


def _for_quota(left: QuotaLeft) -> Wait:
    if left.wait is not None and left.wait.fault == "quota_day":
        return Wait(WaitKind.QUOTA, left.wait.until, left.wait.reason)
    reason = f"only {left.day} of {left.a_day} free calls are left on this UTC day, too few for an attempt"
    return Wait(WaitKind.QUOTA, left.resets_at, reason)


def _for_rest(crew: Crew, models: set[str]) -> Wait | None:
    """Wait until the first of `models` is available again."""
    with crew.store.engine.begin() as connection:
        known = breakers.resting(connection, account_of(crew.settings), now=utc_now())
    rests = [rest for rest in known if rest.key in {model_key(model) for model in models}]
    first = min(rests, key=lambda rest: rest.until, default=None)
    if first is None:
        return None
    return Wait(
        WaitKind.MODEL,
        first.until,
        f"every model of the plan is unavailable for now, e.g. {first.key}: {first.reason}",
    )


def _begins_free(crew: Crew, plan: Plan) -> bool:
    first = plan.rungs[0].model
    return any(candidate.free for candidate in crew.catalogue.candidates() if candidate.model == first)
