from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.markdown import Markdown

from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.filters import RELAX
from nightcrew.selection.memory import Memory, Trial, TrialEnd
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.plan import FilterName
from nightcrew.selection.requirements import Requirements
from nightcrew.settings import DataPolicy
from tests.selection.house import AGENT, model, needs

ORDINARY = model("maker/plain")
FAULT = Trial(AGENT, "maker/plain", TrialEnd.FAULT)
UNFIT = Trial(AGENT, "maker/plain", TrialEnd.UNFIT)

CASES: list[tuple[str, Candidate, Requirements, dict[str, Any], list[Trial]]] = [
    ("allowed", ORDINARY, needs(allowed_models=("other/*",)), {}, []),
    ("denied", ORDINARY, needs(denied_models=("maker/*",)), {}, []),
    ("provider", ORDINARY, needs(allowed_providers=("other",)), {}, []),
    ("provider", ORDINARY, needs(denied_providers=("maker",)), {}, []),
    ("data policy", model("a:free"), needs(data_policy=DataPolicy.NO_TRAINING), {}, []),
    ("expired", model("a", expires_on=date(2026, 3, 1)), needs(), {}, []),
    ("context", model("a", context_tokens=8_000), needs(context_tokens=20_000), {}, []),
    ("output", model("a", max_output_tokens=1_000), needs(output_tokens=4_000), {}, []),
    ("tools", model("a", tools=False), needs(), {}, []),
    ("tried", ORDINARY, needs(), {}, [UNFIT]),
    ("resting", ORDINARY, needs(), {"resting": {"maker/plain": "429 upstream"}}, []),
    ("quota", model("a:free"), needs(), {"free_calls_left": 3}, []),
    ("budget", ORDINARY, needs(budget_usd=Decimal(0)), {}, []),
    ("budget", ORDINARY, needs(budget_usd=Decimal("0.01")), {}, []),
    ("budget", ORDINARY, needs(), {"budget_left_usd": Decimal("0.01")}, []),
    ("latency", ORDINARY, needs(max_latency_seconds=10.0), {}, []),
    ("deadline", ORDINARY, needs(seconds_left=10.0), {}, []),
]


@pytest.mark.parametrize(("name", "candidate", "requirements", "state", "tried"), CASES)
def test_each_filter_names_itself_and_what_to_relax(
    name: str, candidate: Candidate, requirements: Requirements, state: dict[str, Any], tried: list[Trial]
) -> None:
    plan = ModelSelector().plan(requirements, [candidate], Memory(), Availability(**state), tried)
    assert plan.rungs == ()
    assert [item.removal.by for item in plan.filtered] == [name]
    assert RELAX[FilterName(name)] in plan.stop


def test_a_person_reads_why_no_model_is_left_and_what_to_do() -> None:
    models, denied = [model("maker/plain"), model("b")], needs(denied_models=("b",))
    plan = ModelSelector().plan(denied, models, Memory(), Availability(), [UNFIT])
    assert plan.stop == (
        "No model is left for this task. Left out: 1 on the list of denied models; "
        "1 tried on this task before, and not tried again. "
        f"To go on, {RELAX[FilterName.DENIED]}; or {RELAX[FilterName.TRIED]}."
    )


def test_names_with_underscores_stay_as_they_are_on_a_page() -> None:
    asked = needs(context_source="measured from dacite/__init__.py and __main__.py at 0123")
    text = ModelSelector().plan(asked, [ORDINARY], Memory(), Availability()).explanation
    with StringIO() as shown:
        Console(file=shown, width=200).print(Markdown(text))
        assert "dacite/__init__.py and __main__.py" in shown.getvalue()


def test_what_no_filter_removes_is_planned() -> None:
    plan = ModelSelector().plan(needs(), [ORDINARY], Memory(), Availability())
    assert [rung.model for rung in plan.rungs] == ["maker/plain"]
    assert plan.filtered == ()
    assert plan.stop == ""


def test_faults_never_bar_a_model() -> None:
    plan = ModelSelector().plan(needs(), [ORDINARY], Memory(), Availability(), [FAULT] * 3)
    assert [rung.model for rung in plan.rungs] == ["maker/plain"]


def test_the_direct_executor_takes_models_without_tools() -> None:
    plan = ModelSelector().plan(
        needs(executors=("direct", "openhands")), [model("a", tools=False)], Memory(), Availability()
    )
    assert {rung.executor for rung in plan.rungs} == {"direct"}


def test_an_executor_that_needs_a_larger_window_is_not_planned_with_a_small_model() -> None:
    rooms = {"direct": 5_000, "openhands": 30_000}
    asked = needs(executors=("direct", "openhands"), context_tokens=2_000, room_tokens=rooms)
    small, large = model("small", context_tokens=7_000), model("large", context_tokens=32_000)
    plan = ModelSelector().plan(asked, [small, large], Memory(), Availability())
    arms = {(rung.executor, rung.model) for rung in (*plan.rungs, *plan.alternatives)}
    assert ("direct", "small") in arms and ("openhands", "large") in arms
    assert ("openhands", "small") not in arms
    tight = ModelSelector().plan(asked, [model("small", context_tokens=6_999)], Memory(), Availability())
    assert [item.removal.by for item in tight.filtered] == ["context"]


def test_where_the_need_for_context_comes_from_is_shown() -> None:
    asked = needs(
        context_tokens=2_345, context_source="measured from a.py at 0123", room_tokens={AGENT: 5_000}
    )
    plan = ModelSelector().plan(asked, [ORDINARY], Memory(), Availability())
    assert "2,345 tokens of context, measured from a.py at 0123" in plan.explanation
    assert "7,345 with openhands" in plan.explanation


def test_an_empty_catalogue_says_so() -> None:
    assert "No model is known" in ModelSelector().plan(needs(), [], Memory(), Availability()).stop


def test_an_unknown_price_is_reckoned_with_at_a_stated_ceiling() -> None:
    plan = ModelSelector().plan(needs(), [model("local", None)], Memory(), Availability())
    assert plan.rungs[0].cost_usd > 0
    assert "No price is known for local" in plan.explanation
