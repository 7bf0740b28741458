"""The verdict on an attempt that changed nothing."""

from typing import Any, cast

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.validation.verdict import VerdictKind
from nightcrew.work.steps import _verdict
from tests.flows.builders import an_attempt


def test_no_change_is_rejected_with_what_happened_instead() -> None:
    detail = 'the model answered with text: "Sure, I will"'
    attempt = an_attempt(end=AttemptEnd.PROSE, detail=detail, patch="")
    verdict = _verdict(cast(Any, None), attempt)
    assert verdict.kind is VerdictKind.REJECTED
    assert '"Sure, I will"' in verdict.summary
    assert "made no change" in verdict.feedback
    assert '"Sure, I will"' in verdict.feedback
