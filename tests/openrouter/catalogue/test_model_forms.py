"""The form of a model's answers is counted, remembered and given to the selector."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.catalogue import model_forms
from nightcrew.openrouter.catalogue.model_forms import MOST_COUNTED, ModelForm
from nightcrew.openrouter.rescue.kinds import RescueKind
from tests.openrouter.conftest import Crew, MakeCrew, ask, paid
from tests.openrouter.rescue.tools import TOOLS

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MODEL = "house/alpha"


def a_crew(crew: MakeCrew) -> tuple[Crew, Any]:
    """A crew, and one of its calls."""
    made = crew(paid("alpha"))
    made.gateway().complete(ask(tools=TOOLS))
    return made, made.calls[0]


def test_the_listing_has_what_was_seen_of_a_model(crew: MakeCrew) -> None:
    made, call = a_crew(crew)
    (before,) = made.catalogue.candidates()
    assert (before.tools, before.repaired_share, before.missed_share) == (True, 0.0, 0.0)
    wrong = replace(call, rescues=(Rescue(RescueKind.TEXT_CALL, True),), finish_reason="stop")
    made.catalogue.note_calls([call, *[wrong] * 9])
    made.catalogue.note_text(MODEL, was_read=False)
    (after,) = made.catalogue.candidates()
    assert (after.tools, after.repaired_share, after.missed_share) == (True, 9 / 13, 1 / 4)
    assert made.catalogue.form_of(MODEL).calls_tools


def test_a_model_that_calls_no_tools_is_listed_without_them_until_it_is_tried_again(crew: MakeCrew) -> None:
    made, call = a_crew(crew)
    made.catalogue.note_no_tools(MODEL)
    assert [candidate.tools for candidate in made.catalogue.candidates()] == [False]
    made.catalogue.note_calls([call])
    assert [candidate.tools for candidate in made.catalogue.candidates()] == [True]


def test_calls_without_an_answer_and_small_repairs_say_nothing(crew: MakeCrew) -> None:
    made, call = a_crew(crew)
    small = replace(call, rescues=(Rescue(RescueKind.FINISH_REASON, True), Rescue(RescueKind.CALL_ID, True)))
    made.catalogue.note_calls([replace(call, fault="server_error"), small])
    form = made.catalogue.form_of(MODEL)
    assert (form.calls, form.repaired) == (1, 0)


def test_old_counts_fade(crew: MakeCrew) -> None:
    made, call = a_crew(crew)
    wrong = replace(call, rescues=(Rescue(RescueKind.ARGUMENTS, True),))
    made.catalogue.note_calls([wrong] * MOST_COUNTED)
    made.catalogue.note_calls([call] * 10)
    form = made.catalogue.form_of(MODEL)
    assert (form.calls, form.repaired) == (MOST_COUNTED // 2 + 10, MOST_COUNTED // 2)


def test_a_model_is_tried_once_a_day_and_one_without_tools_once_a_month() -> None:
    speaker = ModelForm(calls_tools=False, tried_at=NOW)
    caller = ModelForm(calls_tools=True, tried_at=NOW)
    assert not ModelForm().is_tried(NOW)
    for later, caller_is_tried, speaker_is_tried in (
        (timedelta(hours=11), True, True),
        (timedelta(hours=13), False, True),
        (model_forms.REMEMBERED + timedelta(days=1), False, False),
    ):
        assert caller.is_tried(NOW + later) is caller_is_tried
        assert speaker.is_tried(NOW + later) is speaker_is_tried
        assert speaker.cannot_call(NOW + later) is speaker_is_tried
