from nightcrew.task import Task
from nightcrew.validation.gate import answered, failed, not_measurable, passed
from nightcrew.validation.scoring import conclude, fault, score
from nightcrew.validation.verdict import Finding, GateResult, Severity, VerdictKind

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


def found(severity: Severity) -> GateResult:
    finding = Finding("f loses x", "a.py", 3, severity=severity)
    words = {"nothing": "Fine.", "opening": "Lost", "hint": "Put it back.", "question": "Is it wanted?"}
    return answered("lost", [finding], **words)


def test_a_question_without_findings_passes() -> None:
    assert answered("lost", [], nothing="Fine.", opening="", hint="", question="").message == "Fine."


def test_a_refused_finding_goes_to_the_next_attempt_with_its_place() -> None:
    verdict = conclude(TASK, [found(Severity.REFUSED)], NAMES, "s")
    assert verdict.kind is VerdictKind.REJECTED
    assert verdict.feedback == "Lost: f loses x (a.py:3). Put it back."
    assert not verdict.asks and not verdict.is_unproven
    assert verdict.not_reached == tuple(NAMES)


def test_a_finding_for_a_person_is_asked_and_not_held_against_the_change() -> None:
    verdict = conclude(TASK, [found(Severity.PERSON), passed("scope", "")], ["scope"], "s")
    assert verdict.kind is VerdictKind.NOT_MEASURABLE
    assert verdict.asks == "Lost: f loses x (a.py:3). Is it wanted?"


def test_what_a_person_is_asked_gives_way_to_a_failure() -> None:
    verdict = conclude(TASK, [found(Severity.PERSON), failed("scope", "It is wrong.", "")], NAMES, "s")
    assert verdict.kind is VerdictKind.REJECTED
    assert verdict.feedback == "It is wrong."


def test_only_what_is_no_more_than_unproven_may_go_to_a_person_at_last() -> None:
    unproven = found(Severity.UNPROVEN)
    assert conclude(TASK, [unproven], NAMES, "s").is_unproven
    assert not conclude(TASK, [unproven, failed("scope", "", "")], NAMES, "s").is_unproven


def test_a_fault_names_what_broke_among_the_gates() -> None:
    verdict = fault("no disk", [passed("scope", "")], "s")
    assert [gate.name for gate in verdict.gates] == ["scope", "machinery"]
    assert verdict.gates[-1].message == "no disk"
