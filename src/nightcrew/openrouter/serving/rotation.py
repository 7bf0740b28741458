"""Model rotation for one request: which model to call next, how long to wait, when to give up."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from nightcrew.errors import AccountStopped, BudgetReached, ModelUnfit, NightcrewError, Transient
from nightcrew.execution.attempt import StopCause, Stopped
from nightcrew.openrouter.books.breakers import SHORT_RETRY_AFTER_SECONDS
from nightcrew.openrouter.books.ticket import Obstacle, Refusal
from nightcrew.openrouter.wire.answers import Outcome
from nightcrew.openrouter.wire.chat_request import ChatRequest
from nightcrew.openrouter.wire.recovery import Charged, FaultClass, Next
from nightcrew.selection.candidates import Candidate

log = logging.getLogger(__name__)

REQUEST_SECONDS = 280.0  # for a request with all waits and rotations; less than the agent's own 300 s
LONGEST_WAIT_SECONDS = 90.0  # for a quota window or a cool-down, if no other model can be called
MANY_MODELS = 3  # of several makers; if all of them fail for one request, the cause is not theirs
ROUNDS = 3  # how often all models are tried for one request


class Shut(Exception):
    """Shuts the attempt's door: the error for every later request, and the reason for the attempt's record.

    `infrastructure` is True if neither the model's skill nor the budget is the cause.
    """

    def __init__(self, error: NightcrewError, stopped: Stopped, *, infrastructure: bool) -> None:
        super().__init__(str(stopped))
        self.error = error
        self.stopped = stopped
        self.infrastructure = infrastructure


class Rotation:
    """Rotates from the current model through the others, in the plan's order.

    `unfit` holds the models that cannot serve the attempt's requests, with the reason.
    """

    def __init__(
        self,
        models: Sequence[Candidate],
        current: Candidate,
        unfit: dict[str, str],
        request: ChatRequest,
        *,
        sleep: Callable[[float], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._models = [current, *(candidate for candidate in models if candidate != current)]
        self._unfit = unfit
        self._request = request
        self._sleep = sleep
        self._clock = clock
        self._deadline = time.monotonic() + REQUEST_SECONDS
        self._asked: set[str] = set()  # in this round
        self._retried: set[str] = set()  # in place
        self._round = 1
        self._last: Outcome | None = None
        self._failed: set[str] = set()  # by a fault of their providers

    def candidates(self) -> list[Candidate]:
        """The models to call, in this order."""
        return [candidate for candidate in self._fit() if candidate.model not in self._asked]

    def after_fault(self, candidate: Candidate, outcome: Outcome) -> None:
        """Register a failed call; waits if the other side asked for a short pause."""
        row = outcome.row
        assert row is not None
        self._last = outcome
        if row.charged is Charged.PROVIDER and row.fault_class is FaultClass.TRANSIENT:
            self._failed.add(candidate.model)
        if row.next is Next.LARGER_CONTEXT:
            for other in self._models:
                if other.context_tokens <= candidate.context_tokens:
                    self._unfit[other.model] = row.fault
        elif row.fault_class is FaultClass.MODEL_UNFIT:
            self._unfit[candidate.model] = outcome.message
        elif row.next is Next.RETRY:
            # Not this model's fault: other models would fail in the same way.
            self._asked.update(other.model for other in self._models)
        elif row.next is not Next.WAIT and not self._may_retry_in_place(candidate, outcome):
            self._asked.add(candidate.model)

    def may_ask_anew(self, model: str) -> bool:
        """True once per request: the same model may be called again, because the call has been corrected."""
        if model in self._retried:
            return False
        self._retried.add(model)
        return True

    def wait_or_give_up(self, refusals: Sequence[Refusal]) -> None:
        """Wait until the next call is possible; raises Shut if that is too late or never."""
        now = self._clock()
        waits = [(refusal.until - now).total_seconds() for refusal in refusals if refusal.until is not None]
        if self._asked and self._fit() and self._round < ROUNDS:
            # A model failed in this round: after a short pause, all models are tried again.
            waits.append(2.0 ** (self._round - 1))
            self._round += 1
            self._asked.clear()
        seconds = max(0.05, min(waits, default=float("inf"))) * random.uniform(1.0, 1.1)  # noqa: S311
        if seconds > LONGEST_WAIT_SECONDS or time.monotonic() + seconds > self._deadline:
            raise self._given_up(refusals)
        log.info("no model can be called for %.1f s: %s", seconds, "; ".join(r.reason for r in refusals))
        self._sleep(seconds)

    # ------------------------------------------------------------------------------------------------

    def _fit(self) -> list[Candidate]:
        return [candidate for candidate in self._models if self._can_take(candidate)]

    def _can_take(self, candidate: Candidate) -> bool:
        if candidate.model in self._unfit:
            return False
        if self._request.prompt_tokens_likely > 1.5 * candidate.context_tokens:
            self._unfit[candidate.model] = "context_overflow"
            return False
        return True

    def _may_retry_in_place(self, candidate: Candidate, outcome: Outcome) -> bool:
        seconds = outcome.trouble.retry_after_seconds
        if seconds is None or seconds > SHORT_RETRY_AFTER_SECONDS:
            return False
        if not self.may_ask_anew(candidate.model):
            return False
        self._sleep(seconds)
        return True

    def _is_offline(self) -> bool:
        """True if the last call did not leave this machine, or many models of several makers failed."""
        if self._last is not None and self._last.row is not None and self._last.row.next is Next.RETRY:
            return True
        failed = [model for model in self._failed if model not in self._unfit]
        makers = {model.partition("/")[0] for model in failed}
        return len(failed) >= MANY_MODELS and len(makers) > 1 and len(failed) == len(self._fit())

    def _given_up(self, refusals: Sequence[Refusal]) -> Shut:
        by_obstacle = {refusal.obstacle: refusal for refusal in reversed(refusals)}
        last = self._last.message if self._last is not None else ""
        if quota := by_obstacle.get(Obstacle.QUOTA):
            return _wait_for(quota, self._clock())
        if refusal := by_obstacle.get(Obstacle.BUDGET) or by_obstacle.get(Obstacle.PRICE):
            return Shut(
                BudgetReached(refusal.reason), Stopped(StopCause.BUDGET, refusal.reason), infrastructure=False
            )
        if resting := by_obstacle.get(Obstacle.BREAKER):
            last = f"{last}; {resting.reason}".strip("; ")
        elif not self._fit():
            reasons = ", ".join(f"{model}: {reason}" for model, reason in self._unfit.items())
            message = f"no model of the plan can serve this request ({reasons})"
            return Shut(ModelUnfit(message), Stopped(StopCause.MODELS, message), infrastructure=False)
        message = f"no model of the plan can be reached now ({last})"
        if self._is_offline():
            return Shut(Transient(message), Stopped(StopCause.OFFLINE, message), infrastructure=True)
        return Shut(Transient(message), Stopped(StopCause.MODELS, message), infrastructure=True)


def out_of_calls(calls: int) -> Shut:
    """The attempt has used up its number of calls."""
    message = f"the attempt has used all of its {calls} calls"
    return Shut(BudgetReached(message), Stopped(StopCause.BUDGET, message), infrastructure=False)


def account_stopped(message: str) -> Shut:
    """The account is stopped, so every call of the crew would fail."""
    return Shut(AccountStopped(message), Stopped(StopCause.ACCOUNT, message), infrastructure=True)


def store_down(error: Exception) -> Shut:
    """The state store is down, and without it the gateway makes no calls."""
    message = f"the state store does not answer ({type(error).__name__})"
    return Shut(Transient(message), Stopped(StopCause.STORE, message), infrastructure=True)


def _wait_for(refusal: Refusal, now: datetime) -> Shut:
    assert refusal.until is not None
    message = f"{refusal.reason}; free again at {refusal.until:%Y-%m-%d %H:%M:%S} UTC"
    error = Transient(message, retry_after_seconds=(refusal.until - now).total_seconds())
    return Shut(error, Stopped(StopCause.QUOTA, message), infrastructure=True)
