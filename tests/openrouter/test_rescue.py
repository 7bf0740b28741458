"""Answers in a wrong form through the whole gateway: rescued, recorded, and never lost."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.rescue.kinds import RescueKind
from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.scenario import Fault, FaultKind
from tests.openrouter.conftest import Crew, MakeCrew, ask, paid
from tests.openrouter.rescue.tools import TOOLS

FORMS = [form for form in AnswerForm if form is not AnswerForm.UNREADABLE]


def wrong(form: AnswerForm | None, **fields: Any) -> Fault:
    return Fault(kind=FaultKind.FORM, form=form, **fields)


def called(message: dict[str, Any]) -> tuple[str, Any]:
    (call,) = message["tool_calls"]
    assert call["id"] and call["type"] == "function"
    return call["function"]["name"], json.loads(call["function"]["arguments"])


UNSEEN = {  # in a first call of `finish` with a text
    AnswerForm.HYPHENS_IN_NAME,
    AnswerForm.RAW_LINE_BREAKS,
    AnswerForm.NO_ARGUMENTS,
    AnswerForm.REPEATED_ID,
    AnswerForm.REASONING_FIELD,
}


def streamed(c: Crew, **options: Any) -> tuple[dict[str, Any], str]:
    """The joined delta of a streamed answer, and its finish reason."""
    gateway = c.gateway(**options)
    with (
        httpx.Client(transport=httpx.HTTPTransport(uds=str(gateway.socket_path)), timeout=30) as client,
        client.stream(
            "POST",
            "http://gateway/v1/chat/completions",
            json=ask(tools=TOOLS, stream=True),
            headers={"Authorization": f"Bearer {gateway.token}"},
        ) as reply,
    ):
        events = [line[6:] for line in reply.iter_lines() if line.startswith("data: {")]
    first, last = (json.loads(event) for event in events)
    assert last["usage"]["cost"] > 0
    return first["choices"][0]["delta"], last["choices"][0]["finish_reason"]


@pytest.mark.parametrize("form", FORMS)
def test_no_call_is_lost_to_its_form(crew: MakeCrew, form: AnswerForm) -> None:
    c = crew(paid(), faults=[wrong(form)])
    answer = c.gateway().complete(ask(tools=TOOLS))["choices"][0]
    name, arguments = called(answer["message"])
    assert (name, list(arguments)) == ("finish", ["message"])
    assert answer["finish_reason"] == "tool_calls"
    message, finish = streamed(c)
    assert (called(message), finish) == ((name, arguments), "tool_calls")
    for call in c.calls:
        changes = form not in UNSEEN
        assert bool(call.rescues) == changes
        assert all(rescue.worked for rescue in call.rescues or ())
    assert len(c.calls) == 2


@pytest.mark.parametrize("form", [None, *FORMS])
def test_an_answer_in_text_is_the_same_in_any_form(crew: MakeCrew, form: AnswerForm | None) -> None:
    c = crew(paid(), faults=[wrong(form)] if form else [])
    answer = c.gateway().complete(ask())["choices"][0]
    assert answer["message"]["content"] == "I read the repository and found nothing that I could do."


def test_a_call_that_cannot_be_read_is_asked_for_once_more(crew: MakeCrew) -> None:
    c = crew(paid(), faults=[wrong(AnswerForm.UNREADABLE, per="model", times=1)])
    gateway = c.gateway()
    assert called(gateway.complete(ask(tools=TOOLS))["choices"][0]["message"])[0] == "finish"
    first, second = c.calls
    assert first.rescues == (Rescue(RescueKind.TEXT_CALL, False),)
    assert second.rescues == (Rescue(RescueKind.HINT, True),)
    asked = c.twin.requests[-1].body
    assert asked is not None
    assert "not a tool call" in asked["messages"][-1]["content"]


def test_a_model_that_never_learns_is_not_asked_for_ever(crew: MakeCrew) -> None:
    c = crew(paid(), faults=[wrong(AnswerForm.UNREADABLE)])
    gateway = c.gateway()
    for _ in range(5):
        assert "<tool_call>" in gateway.complete(ask(tools=TOOLS))["choices"][0]["message"]["content"]
    assert len(c.calls) == 5 + 3


def test_the_transcript_has_the_answer_as_it_came(crew: MakeCrew, tmp_path: Path) -> None:
    c = crew(paid(), faults=[wrong(AnswerForm.HERMES)])
    c.gateway(evidence=tmp_path).complete(ask(tools=TOOLS))
    (line,) = [json.loads(text) for text in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert line["answer"]["tool_calls"]
    assert "<tool_call>" in line["answer_as_it_came"]["content"]


def test_a_stream_with_tools_that_breaks_off_goes_to_the_next_model(crew: MakeCrew) -> None:
    for kind in (FaultKind.MIDSTREAM_DROP, FaultKind.MIDSTREAM_ERROR):
        c = crew(paid("alpha"), paid("beta"), faults=[Fault(kind=kind, models=("house/alpha",))])
        message, _ = streamed(c)
        assert called(message)[0] == "finish"
        assert c.calls[0].fault == "mid_stream_error" or c.calls[0].fault == "connection_lost"
        assert c.calls[-1].served_model == "house/beta"
