import pytest

from nightcrew.execution.attempt import StopCause, Stopped


@pytest.mark.parametrize("cause", StopCause)
def test_why_an_attempt_stopped_is_read_back_from_its_text(cause: StopCause) -> None:
    stopped = Stopped(cause, "a/b: free again: tomorrow")
    assert Stopped.read(str(stopped)) == stopped


@pytest.mark.parametrize("text", ["", "quota", "the quota: used up", "budget reached", "Account: refused"])
def test_other_texts_name_no_cause(text: str) -> None:
    assert Stopped.read(text) is None


def test_homes_of_earlier_versions_keep_their_texts() -> None:
    assert Stopped.read("quota: free calls; free again at 2026-01-02 00:00:00 UTC") == Stopped(
        StopCause.QUOTA, "free calls; free again at 2026-01-02 00:00:00 UTC"
    )
    assert {str(Stopped(cause, "why")) for cause in StopCause} == {
        *("quota: why", "budget: why", "account: why", "state store: why", "no model left: why"),
    }
