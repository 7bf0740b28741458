"""A gate's result from its findings: who has to act, and the message."""

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.gate import MOST_LISTED, answered, counted, failed, not_measurable, passed
from nightcrew.validation.gates import all_gates
from nightcrew.validation.scoring import WEIGHTS
from nightcrew.validation.verdict import Finding, GateOutcome, Severity


def finding(line: int, severity: Severity = Severity.REFUSED) -> Finding:
    return Finding(f"what {line}", "a.py", line, severity=severity)


def test_no_findings_pass() -> None:
    assert answered("lost", [], opening="It is lost", nothing="Nothing is lost.") == passed(
        "lost", "Nothing is lost."
    )


def test_findings_for_the_next_attempt_come_before_those_for_a_person() -> None:
    findings = [finding(9, Severity.PERSON), finding(3), finding(2, Severity.UNPROVEN)]
    found = answered("lost", findings, opening="It is lost", hint="Put it back.", question="Is it wanted?")
    assert (found.outcome, found.hint) == (GateOutcome.FAIL, "Put it back.")
    assert found.message == "It is lost: what 2 (a.py:2); what 3 (a.py:3)."
    assert found.findings == tuple(findings)


def test_findings_for_a_person_alone_ask() -> None:
    found = answered("x", [finding(9, Severity.PERSON)], opening="It is lost", question="Is it wanted?")
    assert (found.outcome, found.hint) == (GateOutcome.ASKS, "Is it wanted?")


def test_long_lists_are_shortened_in_the_sentence_only() -> None:
    found = answered("x", [finding(line) for line in range(1, MOST_LISTED + 3)], opening="Lost")
    assert found.message.endswith("; and 2 more.")
    assert len(found.findings) == MOST_LISTED + 2


@pytest.mark.parametrize(
    ("severities", "unproven"),
    [
        ([Severity.UNPROVEN], True),
        ([Severity.UNPROVEN, Severity.PERSON], True),
        ([Severity.UNPROVEN, Severity.REFUSED], False),
        ([Severity.PERSON], False),
    ],
)
def test_failures_that_a_person_may_decide_on_at_last(severities: list[Severity], unproven: bool) -> None:
    assert answered("x", [finding(1, one) for one in severities], opening="x").is_unproven is unproven


def test_strengths_lie_between_0_and_1_and_halves_of_characters_are_printable() -> None:
    assert passed("x", "", strength=1.23456).strength == 1.0
    assert failed("x", "", "", strength=-1.0).strength == 0.0
    assert passed("x", "", strength=0.123456).strength == 0.1235
    assert not_measurable("x", "a\udc80").message == "a\\udc80"


def test_numbers_with_their_noun() -> None:
    assert [counted(count, "file") for count in (0, 1, 2, 1234)] == [
        "0 files",
        "1 file",
        "2 files",
        "1,234 files",
    ]


def test_every_gate_has_a_name_and_a_weight_of_its_own() -> None:
    names = [one.name for one in all_gates()]
    assert sorted(names) == sorted(WEIGHTS)
    assert all(set(one.types) <= set(TaskType) and one.types for one in all_gates())
