"""A model dies at call 7 of 12: the calls that the attempt has lost at its end.

    python -m benchmarks.rotation_drill

One conversation of twelve turns, each form of death once; through the gateway, and as baseline the attempt
started over with the next model, with and without the client's own retries in place.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from benchmarks.support import FastTime, postgres, quiet, table, twin_process, twin_requests, verdict
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.openrouter.wire.answers import from_reply
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.testing.scenario import Account, Fault, FaultKind, Scenario, ScriptedModel

TURNS, DIES_AT, RETRIES = 12, 7, 5
FIRST, SECOND = "house/first:free", "house/second:free"
DEATHS = [
    FaultKind.RATE_LIMIT_UPSTREAM,
    FaultKind.BAD_GATEWAY,
    FaultKind.UNAVAILABLE,
    FaultKind.ERROR_IN_200,
    FaultKind.MIDSTREAM_ERROR,
    FaultKind.MIDSTREAM_DROP,
    FaultKind.DROPPED,
    FaultKind.EMPTY,
    FaultKind.FREE_ENDED,
    FaultKind.NO_ENDPOINTS,
]


def scenario(death: FaultKind) -> Scenario:
    return Scenario(
        account=Account(credits_usd=100, free_per_minute=10_000),
        models=(ScriptedModel(id=FIRST), ScriptedModel(id=SECOND)),
        faults=(Fault(kind=death, models=(FIRST,), from_call=DIES_AT, per="model"),),
    )


type Ask = Callable[[list[dict[str, Any]]], str | None]


def converse(ask: Ask) -> tuple[bool, list[dict[str, Any]]]:
    """Twelve turns; False if one was not answered."""
    messages: list[dict[str, Any]] = []
    for turn in range(TURNS):
        messages.append({"role": "user", "content": f"turn {turn}"})
        result = ask(messages)
        if result is None:
            return False, messages
        messages.append({"role": "assistant", "content": result})
    return True, messages


def through_gateway(base_url: str, database: str) -> bool:
    time = FastTime(100.0)
    with (
        StateStore(database) as store,
        OpenRouterApi(base_url, SecretStr("key")) as api,
        tempfile.TemporaryDirectory(prefix="nightcrew-") as folder,
    ):
        catalogue = ModelCatalogue(store, api, clock=time.now)
        catalogue.refresh()
        known = {each.model: each for each in catalogue.candidates()}
        with (
            Gateway(
                Dispatcher(
                    api,
                    [known[FIRST], known[SECOND]],
                    AttemptBooks(store, api.account, "t-drill", "t-drill:1", Budgets(), clock=time.now),
                    record=lambda call: None,
                    rules=CallRules(sleep=time.sleep),
                ),
                Path(folder),
            ) as gateway,
            httpx.Client(
                transport=httpx.HTTPTransport(uds=str(gateway.socket_path)),
                headers={"Authorization": f"Bearer {gateway.token}"},
                timeout=60,
            ) as client,
        ):

            def ask(messages: list[dict[str, Any]]) -> str | None:
                body = {"model": gateway.model, "messages": messages, "max_tokens": 300}
                reply = client.post("http://gateway/v1/chat/completions", json=body)
                return reply.json()["choices"][0]["message"]["content"] if reply.is_success else None

            return converse(ask)[0]


def started_over(base_url: str, tries: int) -> bool:
    """The attempt fails with its model; the next attempt starts at the first turn."""
    with OpenRouterApi(base_url, SecretStr("key")) as api:
        for model in (FIRST, SECOND):

            def ask(messages: list[dict[str, Any]], model: str = model) -> str | None:
                for _ in range(tries):
                    body = {"model": model, "messages": messages, "max_tokens": 300}
                    try:
                        outcome = from_reply(api.chat(body, wall_seconds=60), now=utc_now())
                    except NoReply:
                        continue
                    if outcome.row is None and outcome.body is not None:
                        return str(outcome.body["choices"][0]["message"]["content"])
                return None

            if converse(ask)[0]:
                return True
    return False


def measure(death: FaultKind, play: Callable[[str], bool]) -> tuple[bool, int, bool]:
    """Success, the calls beyond twelve, and whether the second model got the whole conversation."""
    with twin_process(scenario(death)) as base_url:
        done = play(base_url)
        seen = twin_requests(base_url)
    second = [call["turn"] for call in seen if call["asked"] == SECOND]
    return done, len(seen) - TURNS, bool(second) and second[0] == DIES_AT


def main() -> None:
    quiet()
    rows: list[dict[str, object]] = []
    wasted: list[int] = []
    kept: list[bool] = []
    with postgres() as database:
        for death in DEATHS:
            url = database()
            done, lost, whole = measure(death, lambda base, url=url: through_gateway(base, url))  # type: ignore[misc]
            over, over_lost, _ = measure(death, lambda base: started_over(base, 1))
            again, again_lost, _ = measure(death, lambda base: started_over(base, RETRIES))
            wasted.append(lost)
            kept.append(done and whole)
            rows.append(
                {
                    "dies of": death.value,
                    "gateway: calls wasted": lost,
                    "conversation kept": "yes" if done and whole else "NO",
                    "started over: wasted": over_lost if over else "not done",
                    f"with {RETRIES} tries in place": again_lost if again else "not done",
                }
            )
    table(rows)
    verdict(
        {
            "every attempt finishes with another model and the whole conversation": all(kept),
            "at most 1 call is wasted": max(wasted) <= 1,
        }
    )


if __name__ == "__main__":
    main()
