"""What earlier runs left behind is read back as it was."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nightcrew.validation.verdict import Finding, GateOutcome, GateResult, VerdictKind
from nightcrew.work.history import past_trials
from nightcrew.work.outcome import Judged
from nightcrew.work.results import Results
from tests.flows.builders import a_verdict, an_attempt

WINDOWS = "--- a/x.bat\n+++ b/x.bat\n@@ -1 +1 @@\n-one\r\n+zwei ö\r\n"
GATES = (
    GateResult("applies", GateOutcome.PASS, "it applies", strength=0.5),
    GateResult("lost", GateOutcome.FAIL, "f is gone", findings=(Finding("f is gone", "a.py", 3),)),
    GateResult("acceptance", GateOutcome.NOT_MEASURABLE, "no command", "give one", {"tried": ["a", 1]}),
)
JUDGED = Judged(
    an_attempt(2, patch=WINDOWS, cost_usd="0.25"),
    replace(a_verdict(VerdictKind.NOT_MEASURABLE, 0.4), gates=GATES, not_reached=("mutation",)),
    "slug-2",
)


def row_of(judged: Judged) -> dict[str, Any]:
    row = asdict(judged.attempt) | {"models_served": list(judged.attempt.models_served)}
    verdict = judged.verdict
    del row["patch"]
    return row | {"verdict": str(verdict.kind), "score": verdict.score, "summary": verdict.summary}


def test_an_attempt_and_its_verdict_come_back_to_the_byte(tmp_path: Path) -> None:
    Results(tmp_path).keep(JUDGED.attempt, JUDGED.verdict)
    assert past_trials([row_of(JUDGED)], Results(tmp_path), {"model-2": "slug-2"}) == [JUDGED]


def test_without_its_files_what_the_store_knows_is_kept(tmp_path: Path) -> None:
    (trial,) = past_trials([row_of(JUDGED)], Results(tmp_path), {})
    assert (trial.verdict.kind, trial.verdict.score) == (VerdictKind.NOT_MEASURABLE, 0.4)
    assert trial.verdict.summary == JUDGED.verdict.summary
    assert (trial.attempt.patch, trial.slug) == ("", "model-2")
