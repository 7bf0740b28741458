"""The backend takes whatever arrives: any JSON gets an outcome, and money and counters agree."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.testing import Fault, FaultKind, TwinClock
from nightcrew.testing.calls import Backend
from tests.testing.support import FREE, PAID, body, scenario

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CALL = st.fixed_dictionaries(
    {}, optional={"id": JSON, "function": JSON | st.fixed_dictionaries({"name": JSON, "arguments": JSON})}
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]) | JSON},
    optional={"content": JSON, "tool_calls": JSON | st.lists(CALL | JSON, max_size=2), "tool_call_id": JSON},
)
TOOL = st.fixed_dictionaries({"function": st.fixed_dictionaries({"name": JSON, "parameters": JSON})})
BODY = st.fixed_dictionaries(
    {"model": st.sampled_from([FREE, PAID]) | JSON, "messages": st.lists(MESSAGE | JSON, max_size=4) | JSON},
    optional={
        "models": JSON,
        "tools": JSON | st.lists(TOOL | JSON, max_size=2),
        "max_tokens": JSON,
        "stream": JSON,
    },
)


@given(BODY)
def test_any_body_gets_an_outcome(request: dict[str, Any]) -> None:
    outcome = Backend(scenario(), TwinClock()).ask(request)
    assert (outcome.reply is None) != (outcome.completion is None)


@given(st.lists(st.sampled_from([FREE, PAID]), max_size=30), st.integers(0, 5))
def test_what_was_charged_is_the_sum_of_the_answers(models: list[str], seed: int) -> None:
    faults = (
        Fault(kind=FaultKind.ERROR_IN_200, probability=0.3),
        Fault(kind=FaultKind.EMPTY, probability=0.2),
    )
    backend = Backend(scenario(*faults, seed=seed), TwinClock())
    outcomes = [backend.ask(body(model)) for model in models]
    charged = sum((each.completion.usage.cost_usd for each in outcomes if each.completion), Decimal(0))
    assert backend.key_record()["data"]["usage"] == float(charged)
    assert len(backend.requests) == len(models)
    assert [seen.usage is not None for seen in backend.requests] == [each.reply is None for each in outcomes]
