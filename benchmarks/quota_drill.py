"""One account's free quota used by a crew of eight processes, compared with other clients.

    python -m benchmarks.quota_drill

The twin allows 20 calls a minute and 1,000 a day and misbehaves: models that answer 429 for minutes, errors
in HTTP 200, answers that break off, a free variant that vanishes, resets in milliseconds or seconds. There is
twice as much work as a day allows. Processes and PostgreSQL are real; time passes only while all wait.
"""

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from benchmarks.support import (
    FarApi,
    SharedTime,
    postgres,
    quiet,
    run_processes,
    table,
    twin_process,
    twin_requests,
    verdict,
)
from nightcrew.errors import NightcrewError
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.openrouter.wire.answers import from_reply
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.queue.state_store import StateStore
from nightcrew.testing.scenario import Account, Fault, FaultKind, Scenario, ScriptedModel

PER_MINUTE, PER_DAY = 20, 1000
LEARNED_PER_MINUTE = 16  # seen in the field although 20 is documented
PROCESSES, CALLS_PER_TASK, TASKS = 8, 5, 2 * PER_DAY // 5
MINUTES = 90  # 50 would be needed if nothing went wrong
ARRIVAL_SECONDS, ANSWER_SECONDS, AGENT_SECONDS = 1.0, 8.0, 4.0  # at the most
START = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)
MODELS = [f"house/{name}:free" for name in ("alpha", "beta", "gamma", "delta")]
ANSWERED_FLOOR, REFUSED_CEILING = 0.95, 0.01


def scenario(reset_unit: Literal["ms", "s"], per_minute: int) -> Scenario:
    def during(kind: FaultKind, model: str, begin: float, end: float) -> Fault:
        return Fault(kind=kind, models=(model,), after_seconds=begin * 60, before_seconds=end * 60)

    return Scenario(
        seed=7,
        account=Account(
            credits_usd=100, free_per_minute=per_minute, reset_unit=reset_unit, key_shows_free_requests=False
        ),
        models=tuple(ScriptedModel(id=model) for model in MODELS),
        faults=(
            during(FaultKind.RATE_LIMIT_UPSTREAM, MODELS[0], 10, 13),
            during(FaultKind.RATE_LIMIT_UPSTREAM, MODELS[1], 12, 14),
            Fault(kind=FaultKind.FREE_ENDED, models=(MODELS[0],), after_seconds=25 * 60),
            Fault(kind=FaultKind.ERROR_IN_200, probability=0.008),
            Fault(kind=FaultKind.MIDSTREAM_ERROR, probability=0.008),
        ),
    )


@dataclass(frozen=True)
class Crew:
    """The parameters of a worker process."""

    database: str
    api: OpenRouterApi
    time: SharedTime
    limits: QuotaLimits
    tasks: Iterator[int]  # this worker's share

    @property
    def rest_seconds(self) -> float:
        """Seconds until the end of the benchmark."""
        return (START + timedelta(minutes=MINUTES) - self.time.now()).total_seconds()

    def conversation(self, task: int) -> Iterator[dict[str, Any]]:
        """The requests of one task, with pauses for the agent's own work; stops when the time is over."""
        dice = random.Random(task)
        messages: list[dict[str, Any]] = []
        for call in range(CALLS_PER_TASK):
            if self.rest_seconds <= 0:
                return
            messages = [*messages, {"role": "user", "content": f"task {task}, call {call}"}]
            yield {"messages": messages, "max_tokens": 300}
            self.time.sleep(dice.uniform(0, AGENT_SECONDS))


# --- the clients ------------------------------------------------------------------------------------


def with_gateway(crew: Crew) -> None:
    with StateStore(crew.database) as store, tempfile.TemporaryDirectory(prefix="nightcrew-") as folder:
        catalogue = ModelCatalogue(store, crew.api, clock=crew.time.now)
        for task in crew.tasks:
            account, now = crew.api.account, crew.time.now
            dispatcher = Dispatcher(
                crew.api,
                catalogue.candidates(),
                AttemptBooks(store, account, f"t-{task}", f"t-{task}:1", Budgets(), crew.limits, now),
                record=lambda call: None,
                rules=CallRules(sleep=crew.time.sleep),
            )
            with Gateway(dispatcher, Path(folder)) as gateway:
                try:
                    for request in crew.conversation(task):
                        gateway.complete(request)
                except NightcrewError as error:
                    # What the flow does: the task is scheduled again for when the quota is there.
                    seconds = getattr(error, "retry_after_seconds", None) or 60.0
                    crew.time.sleep(min(seconds, max(0.0, crew.rest_seconds)))


def one_call(crew: Crew, model: str, request: dict[str, Any]) -> str | None:
    """The fault of one plain call; None if it was answered."""
    try:
        outcome = from_reply(crew.api.chat({**request, "model": model}, wall_seconds=60), now=crew.time.now())
    except NoReply as error:
        return error.fault
    return outcome.row.fault if outcome.row else None


def with_fixed_backoff(crew: Crew) -> None:
    """The SDK's own strategy: five tries of the same model, 8 to 64 s apart, ignoring Retry-After."""
    for task in crew.tasks:
        for request in crew.conversation(task):
            fault = None
            for wait in (8.0, 16.0, 32.0, 64.0, None):
                fault = one_call(crew, MODELS[task % len(MODELS)], request)
                if fault is None or wait is None:
                    break
                crew.time.sleep(wait)
            if fault is not None:
                break


def with_round_robin(crew: Crew) -> None:
    """The next model after every call and fault; after a whole round the task fails."""
    turn = 0
    for task in crew.tasks:
        for request in crew.conversation(task):
            fault = None
            for _ in MODELS:
                turn += 1
                fault = one_call(crew, MODELS[turn % len(MODELS)], request)
                if fault is None:
                    break
            if fault is not None:
                break


def with_cooldown(crew: Crew) -> None:
    """A failed model is not called for sixty seconds, in each process separately."""
    rested = dict.fromkeys(MODELS, START)
    for task in crew.tasks:
        for request in crew.conversation(task):
            while crew.rest_seconds > 0:
                model = min(MODELS, key=lambda each: rested[each])
                crew.time.sleep(max(0.0, (rested[model] - crew.time.now()).total_seconds()))
                if one_call(crew, model, request) is None:
                    break
                rested[model] = crew.time.now() + timedelta(seconds=60)


# --- the run ----------------------------------------------------------------------------------------


def play(
    name: str,
    client: Callable[[Crew], None],
    database: str,
    learn: bool = False,
) -> dict[str, object]:
    """One client's day, with its own twin and database; with `learn`, the real limit is lower."""
    time = SharedTime(START, PROCESSES)
    limits = QuotaLimits(PER_MINUTE, PER_DAY, ARRIVAL_SECONDS)
    played = scenario("s", LEARNED_PER_MINUTE) if learn else scenario("ms", PER_MINUTE)
    with twin_process(played, time) as base_url:
        with StateStore(database) as store, OpenRouterApi(base_url, SecretStr("key")) as api:
            ModelCatalogue(store, api, clock=time.now).refresh()

        def work(number: int) -> None:
            time.join(number)
            try:
                with FarApi(
                    base_url, SecretStr("key"), shared=time, arrival=ARRIVAL_SECONDS, answer=ANSWER_SECONDS
                ) as api:
                    client(Crew(database, api, time, limits, iter(range(number, TASKS, PROCESSES))))
            finally:
                time.leave()

        run_processes(work, PROCESSES)
        return {"client": name, **count(twin_requests(base_url))}


def count(seen: list[dict[str, Any]]) -> dict[str, object]:
    answered = [
        call for call in seen if call["status"] == 200 and not call["error_code"] and not call["fault"]
    ]
    refused = [call for call in seen if call["error_code"] == 429]
    by_platform = [call for call in refused if not call["fault"]]
    last = max((call["number"] for call in answered), default=0)
    return {
        "calls": len(seen),
        "answered": len(answered),
        "of the day's quota": f"{100 * len(answered) / PER_DAY:.1f} %",
        "429": len(refused),
        "429 of calls": f"{100 * len(refused) / max(1, len(seen)):.1f} %",
        "of the platform": len(by_platform),
        "after the day was spent": sum(call["number"] > last for call in seen),
    }


def main() -> None:
    quiet()
    with postgres() as database:
        rows = [
            play("gateway, limits known, resets in ms", with_gateway, database()),
            play("gateway, 16 a minute to be learned, resets in s", with_gateway, database(), learn=True),
            play("fixed back-off with retries (SDK)", with_fixed_backoff, database()),
            play("round robin", with_round_robin, database()),
            play("60 s cool-down", with_cooldown, database()),
        ]
    table(rows)
    ours = [row for row in rows if str(row["client"]).startswith("gateway")]
    verdict(
        {
            f"at least {ANSWERED_FLOOR:.0%} of the day's quota went to calls that were answered": all(
                int(str(row["answered"])) >= ANSWERED_FLOOR * PER_DAY for row in ours
            ),
            f"at most {REFUSED_CEILING:.0%} of the calls were answered 429": (
                int(str(ours[0]["429"])) <= REFUSED_CEILING * int(str(ours[0]["calls"]))
            ),
            "a limit is learned from at most as many refusals as there are processes": (
                int(str(ours[1]["of the platform"])) <= PROCESSES
            ),
            "no call after the day was spent": all(row["after the day was spent"] == 0 for row in ours),
        }
    )


if __name__ == "__main__":
    main()
