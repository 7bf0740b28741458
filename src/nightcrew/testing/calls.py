"""Decides each chat call of a twin: authorisation, cost, faults, and the model's answer.

It has no HTTP and does not wait: it maps a request to an outcome, and keeps counters and records.
"""

import itertools
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from nightcrew.testing.answer import Answer
from nightcrew.testing.characters import answer
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.conversation import Conversation, read_conversation
from nightcrew.testing.faults import CallNumber, FaultBook, refusal, spoilt
from nightcrew.testing.quota import AccountState
from nightcrew.testing.scenario import Account, Fault, FaultKind, Scenario, ScriptedModel
from nightcrew.testing.wire import Completion, Reply, Usage, answer_tokens, error_body, prompt_tokens

BODIES_KEPT = 200
REQUESTS_KEPT = 50_000


@dataclass(slots=True)
class Seen:
    """One chat call as the twin saw it; `body` only for the latest ones."""

    number: int
    at: datetime
    asked: str
    served: str | None
    conversation: str
    turn: int
    stream: bool
    status: int
    """HTTP status; 0 if the connection was dropped before one was sent."""
    fault: FaultKind | None
    error_code: int | str | None
    usage: Usage | None
    generation: str | None
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to send: a whole reply, or a completion with a transport fault, after a wait (real seconds)."""

    reply: Reply | None = None
    completion: Completion | None = None
    fault: Fault | None = None
    wait_seconds: float = 0.0


class Change(BaseModel):
    """A change to a running twin; fields that are not given stay unchanged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    put_models: tuple[ScriptedModel, ...] = ()
    """New models, or replacements for those with the same id (another price, another character)."""
    remove_models: tuple[str, ...] = ()
    """Ids of models to remove."""
    add_faults: tuple[Fault, ...] = ()
    faults: Literal["keep", "clear"] = "keep"
    account: Account | None = None
    """The new account; its counters start again."""
    advance_seconds: float = 0.0
    """Advance the twin's clock by this many seconds."""


class Backend:
    """The twin without its HTTP server; thread-safe."""

    def __init__(self, scenario: Scenario, clock: TwinClock) -> None:
        self.scenario = scenario
        self.clock = clock
        self.started = clock.now()
        self.models = {model.id: model for model in scenario.models}
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self.generations: dict[str, tuple[Completion, Seen]] = {}
        self._account = AccountState(scenario.account, self.started)
        self._faults = FaultBook(scenario.faults, scenario.seed)
        self._per_model: Counter[str] = Counter()
        self._ids = itertools.count(1)
        self._lock = threading.RLock()

    def change(self, change: Change) -> None:
        """Change the scenario from the next call on."""
        with self._lock:
            self.clock.advance(change.advance_seconds)
            for gone in change.remove_models:
                self.models.pop(gone, None)
            self.models.update({model.id: model for model in change.put_models})
            if change.faults == "clear":
                self._faults.faults.clear()
            self._faults.faults.extend(change.add_faults)
            if change.account is not None:
                self._account = AccountState(change.account, self.clock.now())

    def key_record(self) -> dict[str, Any]:
        """The answer of `GET /key`."""
        with self._lock:
            return self._account.key_record(self.clock.now())

    def lets_in(self, bearer: str | None) -> Reply | None:
        """None for a valid key, else the 401."""
        expected = self._account.account.api_key
        if expected is None or bearer == expected:
            return None
        message = "User not found." if bearer else "No auth credentials found"
        return Reply(401, error_body(401, message))

    def ask(self, body: Mapping[str, Any]) -> Outcome:
        """One chat call, served by the first of `model` and `models` that does not refuse."""
        fallbacks = body.get("models")
        asked = [body.get("model"), *(fallbacks if isinstance(fallbacks, list) else [])]
        names = [name for name in asked if isinstance(name, str) and name]
        if not names or not isinstance(body.get("messages"), list):
            missing = "messages" if names else "model"
            return Outcome(reply=Reply(400, error_body(400, f"Input required: specify '{missing}'")))
        with self._lock:
            talk = read_conversation(body)
            for name in names:
                outcome, seen = self._try(name, body, talk)
                self._keep(seen)
                if outcome.reply is None:
                    break
            return outcome

    # ----------------------------------------------------------------------------------------------------

    def _try(self, name: str, body: Mapping[str, Any], talk: Conversation) -> tuple[Outcome, Seen]:
        model, now = self.models.get(name), self.clock.now()
        seen = self._seen(name, body, talk, now)
        if model is None:
            reply = Reply(400, error_body(400, f"{name} is not a valid model ID"))
            return _refused(seen, reply), seen
        reply_or_none = self._not_served(model, body, now)
        if reply_or_none is not None:
            return _refused(seen, reply_or_none), seen
        self._per_model[name] += 1
        fault = self._strike(model, talk, seen.number)
        seen.fault = fault.kind if fault else None
        reply_or_none = self._refusal(fault, model, body, now)
        if reply_or_none is not None:
            return _refused(seen, reply_or_none), seen
        return self._completed(model, body, talk, fault, seen), seen

    def _not_served(self, model: ScriptedModel, body: Mapping[str, Any], now: datetime) -> Reply | None:
        """A refusal before any provider is called."""
        if model.expiration_date and now.date().isoformat() >= model.expiration_date:
            return refusal(Fault(kind=FaultKind.FREE_ENDED), model)
        if body.get("tools") and not model.tools:
            return refusal(Fault(kind=FaultKind.NO_TOOL_USE), model)
        if _exceeds_max_price(model, body):
            return Reply(
                404, error_body(404, "No endpoints found that match max_price", {"error_type": "not_found"})
            )
        balance = self._account.balance_usd
        if balance < 0 or (balance == 0 and not model.price.free):
            return refusal(Fault(kind=FaultKind.PAYMENT_REQUIRED), model)
        return self._account.take_free_call(now) if model.price.free else None

    def _strike(self, model: ScriptedModel, talk: Conversation, number: int) -> Fault | None:
        call = CallNumber(talk.turn, self._per_model[model.id], number, talk.key)
        elapsed = (self.clock.now() - self.started).total_seconds()
        return self._faults.strike(model, call, elapsed)

    def _refusal(
        self, fault: Fault | None, model: ScriptedModel, body: Mapping[str, Any], now: datetime
    ) -> Reply | None:
        if fault is not None and fault.kind is FaultKind.RATE_LIMIT_DAY:
            return self._account.day_spent(now)
        if fault is not None and fault.kind is FaultKind.RATE_LIMIT_MINUTE:
            return self._account.minute_spent(now)
        reply = refusal(fault, model) if fault else None
        if reply is None and model.context_length and prompt_tokens(body) > model.context_length:
            return refusal(Fault(kind=FaultKind.CONTEXT_LENGTH), model)
        return reply

    def _completed(
        self,
        model: ScriptedModel,
        body: Mapping[str, Any],
        talk: Conversation,
        fault: Fault | None,
        seen: Seen,
    ) -> Outcome:
        original = answer(model, talk, self.scenario)
        original = _limited(
            spoilt(fault, original, f"{self.scenario.seed}|{seen.number}") if fault else original,
            _output_limit(model, body),
        )
        usage = _usage(model, prompt_tokens(body), original)
        self._account.spent_usd += usage.cost_usd
        seen.served, seen.usage = model.id, usage
        seen.status = 0 if fault and fault.kind is FaultKind.DROPPED else 200
        seen.generation = f"gen-twin-{int(seen.at.timestamp())}-{seen.number:06d}"
        whole = Completion(seen.generation, model, int(seen.at.timestamp()), original, usage)
        self.generations[whole.id] = (whole, seen)
        if len(self.generations) > REQUESTS_KEPT:
            del self.generations[next(iter(self.generations))]
        wait = model.latency_seconds
        if fault and fault.kind is FaultKind.LATENCY:
            wait += fault.seconds
        return Outcome(completion=whole, fault=fault, wait_seconds=wait)

    def _seen(self, name: str, body: Mapping[str, Any], talk: Conversation, now: datetime) -> Seen:
        return Seen(
            number=next(self._ids),
            at=now,
            asked=name,
            served=None,
            conversation=talk.key,
            turn=talk.turn,
            stream=bool(body.get("stream")),
            status=0,
            fault=None,
            error_code=None,
            usage=None,
            generation=None,
            body=body,
        )

    def _keep(self, seen: Seen) -> None:
        self.requests.append(seen)
        if len(self.requests) > BODIES_KEPT:
            self.requests[-1 - BODIES_KEPT].body = None


def _exceeds_max_price(model: ScriptedModel, body: Mapping[str, Any]) -> bool:
    """`provider.max_price` is in USD per million tokens (`request`: per call), and a hard limit."""
    provider = body.get("provider")
    limits = provider.get("max_price") if isinstance(provider, Mapping) else None
    if not isinstance(limits, Mapping):
        return False
    price = model.price
    expensive = {
        "prompt": Decimal(price.prompt) * 1_000_000,
        "completion": Decimal(price.completion) * 1_000_000,
        "request": Decimal(price.request),
    }
    return any(name in limits and cost > Decimal(str(limits[name])) for name, cost in expensive.items())


def _refused(seen: Seen, reply: Reply) -> Outcome:
    seen.status = reply.status
    if isinstance(reply.body, Mapping):
        seen.error_code = reply.body["error"]["code"]
    return Outcome(reply=reply)


def _output_limit(model: ScriptedModel, body: Mapping[str, Any]) -> int | None:
    asked = body.get("max_completion_tokens") or body.get("max_tokens")
    limits = [limit for limit in (asked, model.max_completion_tokens) if isinstance(limit, int) and limit > 0]
    return min(limits, default=None)


def _limited(original: Answer, limit: int | None) -> Answer:
    """Cut an answer at the output limit, like a provider."""
    if limit is None or answer_tokens(original) <= limit:
        return original
    cut = spoilt(Fault(kind=FaultKind.TRUNCATED), original)
    return cut if answer_tokens(cut) <= limit else Answer(text=original.text[: limit * 3], finish="length")


def _usage(model: ScriptedModel, prompt: int, original: Answer) -> Usage:
    """Tokens and cost; nothing is charged for an answer without a token."""
    completion = answer_tokens(original)
    if not completion:
        return Usage(prompt, 0, Decimal(0))
    price = model.charged or model.price
    cost = prompt * Decimal(price.prompt) + completion * Decimal(price.completion) + Decimal(price.request)
    return Usage(prompt, completion, cost)
