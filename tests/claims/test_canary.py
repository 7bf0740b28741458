"""No quota for hopeless starts: a small call shows what a model can do before a long task begins."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import AccountStopped
from nightcrew.openrouter.books.availability import availability
from nightcrew.selection.plan import Plan
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName
from nightcrew.testing.calls import Change
from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.scenario import Character, Fault, FaultKind, ScriptedModel
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import open_crew
from nightcrew.work.obstacles import WaitKind
from nightcrew.work.outcome import NoModelLeft
from nightcrew.work.start import start_work
from nightcrew.work.steps import select_model
from tests.claims.line import Line, make_repo, scenario

type MakeLine = Callable[..., Line]


@pytest.fixture
def line_of(line_settings: Settings, tmp_path: Path) -> Iterator[MakeLine]:
    """Makes a crew with these models, whose twin nobody has asked yet."""
    with ExitStack() as stack:

        def make(*models: ScriptedModel, faults: tuple[Fault, ...] = (), **values: Any) -> Line:
            played = scenario(models=[model.model_dump() for model in models], faults=list(faults))
            twin = stack.enter_context(Twin(played))
            settings = line_settings.model_copy(update={"base_url": twin.base_url, **values})
            crew = stack.enter_context(open_crew(settings))
            crew.catalogue.refresh()  # an earlier twin may have had the same port
            return Line(settings, crew, twin, make_repo(tmp_path / "repo"))

        yield make


def model(name: str, **values: Any) -> ScriptedModel:
    return ScriptedModel(id=f"twin/{name}", **values)


numbers = iter(range(1_000))
LONG = {"executor": "openhands", "models": [], "task_type": "analysis", "target_file": "stock.py"}


def planned(line: Line, **values: Any) -> Plan:
    """The plan for another long task."""
    given = {**LONG, "description": f"Look at it, number {next(numbers)}."}
    work = start_work(line.crew, line.crew.queue.submit(line.task(**(given | values))))
    try:
        return select_model(work)
    finally:
        work.close()


def planned_or_none(line: Line, **values: Any) -> Plan | None:
    """The plan; None if no model is left for it."""
    try:
        return planned(line, **values)
    except NoModelLeft:
        return None


def test_a_model_is_tried_once_and_its_call_is_in_the_ledger(line_of: MakeLine) -> None:
    line = line_of(model("capable:free"))
    for _ in range(3):
        assert planned(line).rungs[0].model == "twin/capable:free"
    (seen,) = line.twin.requests
    (row,) = line.query(
        "select * from model_calls where asked_model = 'twin/capable:free' and call_id like '%canary%'"
        " and generation_id = ?",
        seen.generation,
    )
    assert row["attempt_id"] == f"{row['task_id']}:1"
    assert row["quota_window"] is not None
    queued = line.crew.queue.get(row["task_id"])
    assert (queued.calls, queued.input_tokens) == (1, row["input_tokens"]), "the store counts it too"


def test_a_short_task_needs_no_such_call(line_of: MakeLine) -> None:
    line = line_of(model("capable"))
    assert planned(line, executor="direct").rungs
    assert not line.twin.requests


def test_it_can_be_switched_off(line_of: MakeLine) -> None:
    line = line_of(model("capable"), try_models=False)
    assert planned(line).rungs
    assert not line.twin.requests


def test_a_model_that_only_talks_is_planned_around(line_of: MakeLine) -> None:
    line = line_of(model("talker:free", character=Character.TALKER), model("capable"))
    first = planned(line, executor=None)
    assert (first.rungs[0].executor, first.rungs[0].model) != (ExecutorName.OPENHANDS, "twin/talker:free")
    assert planned(line).rungs[0].model == "twin/capable"
    asked = [seen.asked for seen in line.twin.requests]
    assert asked.count("twin/talker:free") <= 1
    assert asked.count("twin/capable") == 1


def test_a_model_without_tools_is_left_to_the_direct_executor(line_of: MakeLine) -> None:
    line = line_of(model("talker", character=Character.TALKER))
    assert not planned_or_none(line)
    assert planned(line, executor=None).rungs[0].executor is ExecutorName.DIRECT
    assert len(line.twin.requests) == 1


def test_a_model_in_a_wrong_form_is_used_and_known_to_need_rescue(line_of: MakeLine) -> None:
    line = line_of(model("capable"), faults=(Fault(kind=FaultKind.FORM),))
    assert planned(line).rungs[0].model == "twin/capable"
    assert line.crew.catalogue.form_of("twin/capable").calls_tools


@pytest.mark.parametrize("kind", [FaultKind.FREE_ENDED, FaultKind.NO_ENDPOINTS, FaultKind.NO_TOOL_USE])
def test_a_model_that_is_gone_costs_one_call_and_not_one_for_each_task(
    line_of: MakeLine, kind: FaultKind
) -> None:
    line = line_of(model("old:free"), model("capable"), faults=(Fault(kind=kind, models=("twin/old:free",)),))
    for _ in range(3):
        assert planned(line).rungs[0].model == "twin/capable"
    assert [seen.asked for seen in line.twin.requests].count("twin/old:free") <= 1


def test_a_provider_that_is_down_is_not_asked_again_and_again(line_of: MakeLine) -> None:
    line = line_of(model("capable"), faults=(Fault(kind=FaultKind.BAD_GATEWAY),))
    planned_or_none(line)
    assert len(line.twin.requests) <= 2


def test_what_a_model_could_not_do_is_tried_again_when_it_is_another_one(line_of: MakeLine) -> None:
    line = line_of(model("talker", character=Character.TALKER))
    assert not planned_or_none(line)
    line.twin.change(Change(put_models=(model("talker"),)))
    assert not planned_or_none(line)  # remembered, so that nothing is spent on it
    assert len(line.twin.requests) == 1


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.UNAUTHORIZED,
        FaultKind.GUARDRAIL,
        FaultKind.BAD_REQUEST,
        FaultKind.CONTEXT_LENGTH,
        FaultKind.REQUEST_TIMEOUT,
        FaultKind.UNPROCESSABLE,
        FaultKind.RATE_LIMIT_UPSTREAM,
        FaultKind.SERVER_ERROR,
        FaultKind.HTML_BODY,
        FaultKind.ERROR_IN_200,
        FaultKind.DROPPED,
    ],
)
def test_a_model_that_refuses_the_first_call_begins_no_task_and_is_not_asked_by_each(
    line_of: MakeLine, kind: FaultKind
) -> None:
    low, high = ({"prompt": price, "completion": price} for price in ("0.000001", "0.000002"))
    line = line_of(
        model(refusing := f"refuses-{kind}", price=low),
        model(capable := f"instead-of-{kind}", price=high),
        faults=(Fault(kind=kind, models=(f"twin/{refusing}",)),),
    )
    assert [planned(line).rungs[0].model for _ in range(3)] == [f"twin/{capable}"] * 3
    asked = [seen.asked for seen in line.twin.requests]
    assert asked.count(f"twin/{refusing}") <= 3 and asked.count(f"twin/{capable}") == 1
    paid = line.query("select * from model_calls where asked_model = ? and cost_usd > 0", f"twin/{refusing}")
    assert not paid


def test_a_model_that_refuses_and_is_the_only_one_is_waited_for(line_of: MakeLine) -> None:
    line = line_of(model("alone"), faults=(Fault(kind=FaultKind.BAD_REQUEST, models=("twin/alone",)),))
    assert not planned(line).rungs  # the flow waits until the model may be asked again
    assert len(line.twin.requests) == 1


FIRST, NEXT = "first:free", "next"
UNREADABLE = {"kind": FaultKind.FORM, "form": AnswerForm.UNREADABLE}


@pytest.mark.parametrize(
    ("fault", "begins", "again", "most_calls"),
    [
        ({"kind": FaultKind.REFUSAL}, NEXT, NEXT, 1),
        ({"kind": FaultKind.FREE_ENDED}, NEXT, NEXT, 1),
        ({"kind": FaultKind.NO_TOOL_USE}, NEXT, NEXT, 1),
        ({"kind": FaultKind.PROSE}, NEXT, NEXT, 1),
        (UNREADABLE, NEXT, NEXT, 2),
        ({"kind": FaultKind.FORM, "form": AnswerForm.HERMES}, FIRST, FIRST, 1),
        ({"kind": FaultKind.RATE_LIMIT_UPSTREAM}, NEXT, NEXT, 2),
        ({"kind": FaultKind.RATE_LIMIT_DAY, "times": 1, "per": "model"}, NEXT, NEXT, 1),
        ({"kind": FaultKind.LATENCY, "seconds": 5}, NEXT, NEXT, 2),
    ],
    ids=lambda value: str(value.get("form") or value["kind"]) if isinstance(value, dict) else None,
)
def test_what_a_first_call_costs_and_which_model_begins(
    line_of: MakeLine, fault: Any, begins: str, again: str, most_calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.work.canary.SECONDS", 1.0)
    line = line_of(
        model(FIRST, price={}),
        model(NEXT, price={"prompt": "0.0000001", "completion": "0.0000002"}),
        faults=(Fault.model_validate({"models": (f"twin/{FIRST}",)} | fault),),
    )
    assert [planned(line).rungs[0].model for _ in range(3)] == [
        f"twin/{name}" for name in (begins, again, again)
    ]
    asked = [seen.asked for seen in line.twin.requests]
    assert 1 <= asked.count(f"twin/{FIRST}") <= most_calls, "one task found out for all"
    assert asked.count(f"twin/{NEXT}") == (begins == NEXT)
    for queued in line.crew.queue.list():
        assert not line.crew.queue.attempts(queued.task_id), "no attempt is used up by it"


def test_credits_that_are_used_up_stop_the_crew_by_one_call(line_of: MakeLine) -> None:
    line = line_of(model("first"), model("next"), faults=(Fault(kind=FaultKind.PAYMENT_REQUIRED),))
    for _ in range(2):
        with pytest.raises(AccountStopped, match="credits"):
            planned(line)
    assert len(line.twin.requests) == 1


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMIT_MINUTE, FaultKind.RATE_LIMIT_DAY])
def test_a_limit_of_the_account_is_no_fault_of_the_model(
    line_of: MakeLine, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.openrouter.serving.rotation.LONGEST_WAIT_SECONDS", 0.0)
    line = line_of(model(FIRST), faults=(Fault(kind=kind, times=1, per="account"),))
    planned(line)
    assert len(line.twin.requests) == 1
    assert not availability(line.crew.store, line.settings).resting


def test_a_network_that_is_down_is_no_fault_of_the_model(line_of: MakeLine) -> None:
    line = line_of(model("first"), model("next"))
    line.crew.catalogue.refresh()
    line.twin.__exit__(None, None, None)
    work = start_work(line.crew, line.crew.queue.submit(line.task(**LONG, description="Look.")))
    select_model(work)
    work.close()
    assert work.wait is not None and work.wait.kind is WaitKind.PROVIDER
    assert not availability(line.crew.store, line.settings).resting
