from nightcrew.task import Task
from nightcrew.validation.gate import failed, not_measurable, passed
from nightcrew.validation.scoring import conclude, score
from nightcrew.validation.verdict import VerdictKind

TASK = Task.model_validate({"description": "do it", "repo": "r"})
NAMES = ["scope", "behaviour", "mutation"]


def test_the_score_is_the_weighted_mean_of_strengths() -> None:
    results = [passed("scope", ""), passed("behaviour", ""), passed("mutation", "", strength=0.6)]
    assert score(results, NAMES) == round((1 + 3 * 0.6) / 4, 4)


def test_gates_that_were_not_reached_bring_nothing() -> None:
    assert score([passed("scope", ""), failed("behaviour", "", "")], NAMES) == 0.0


def test_a_failure_outweighs_what_could_not_be_measured_and_that_outweighs_a_pass() -> None:
    good, open_one, bad = passed("scope", "a"), not_measurable("behaviour", "b"), failed("mutation", "c", "d")
    assert conclude(TASK, [good, open_one, bad], NAMES, "s").kind is VerdictKind.REJECTED
    assert conclude(TASK, [good, open_one], NAMES, "s").kind is VerdictKind.NOT_MEASURABLE
    assert conclude(TASK, [good], ["scope"], "s").kind is VerdictKind.ACCEPTED


def test_the_feedback_holds_the_reason_and_the_hint() -> None:
    verdict = conclude(TASK, [failed("scope", "It is wrong.", "Make it right.")], NAMES, "none")
    assert verdict.feedback == "It is wrong. Make it right."
    assert verdict.sandbox == "none"


def test_a_rejected_verdict_tells_the_reason_only() -> None:
    verdict = conclude(TASK, [passed("scope", "1 file."), failed("behaviour", "It breaks.", "")], NAMES, "s")
    assert verdict.summary == "Rejected: It breaks."
