"""What a person sees of a task in Prefect's UI."""

from dataclasses import replace
from datetime import UTC, datetime

from markdown_it import MarkdownIt

from nightcrew.queue.reviews import Review
from nightcrew.queue.task_table import QueuedTask
from nightcrew.selection.plan import Plan
from nightcrew.task import TaskStatus
from nightcrew.validation.verdict import GateOutcome, GateResult
from nightcrew.work.outcome import Judged, Outcome
from nightcrew.work.page import page, question_page
from tests.flows.builders import PATCH, a_task, a_verdict, an_attempt, judged

QUEUED = QueuedTask(
    task=a_task(task_type="unit_test", target_file="src/pricing.py", task_id="t-1"),
    commit="0123456789abcdef",
    status=TaskStatus.FAILED,
    submitted_at=datetime(2026, 8, 16, tzinfo=UTC),
)
OUTCOME = Outcome(TaskStatus.COMPLETED, "accepted with score 0.90")


def test_the_page_shows_verdict_gates_and_change() -> None:
    shown = page(QUEUED, OUTCOME, [judged()])
    assert shown.startswith("# Accepted: unit_test src/pricing.py\n")
    assert "- applies passed: the patch applies" in shown
    assert f"```diff\n{PATCH}" in shown
    assert "`model-1`" in shown


def test_the_page_has_no_table_because_those_do_not_wrap_in_the_form_of_a_question() -> None:
    shown = page(QUEUED, OUTCOME, [judged()])
    tokens = MarkdownIt("commonmark").enable("table").parse(shown)
    assert not [token for token in tokens if token.type == "table_open"]
    assert "- 1: `model-1` with direct finished; **rejected**, score 0.10; 2 calls, 120 tokens, $0\n" in shown


def test_a_change_cannot_leave_its_frame() -> None:
    shown = page(QUEUED, OUTCOME, [Judged(an_attempt(patch="+```\n+# not a heading\n"), a_verdict(), "s")])
    assert "````diff\n+```\n" in shown


def test_a_gate_cannot_break_its_row() -> None:
    gate = GateResult("tests", GateOutcome.FAIL, "one | two\nthree")
    shown = page(QUEUED, OUTCOME, [Judged(an_attempt(), replace(a_verdict(), gates=(gate,)), "s")])
    assert "- tests **failed**: one \\| two three" in shown


def test_untrusted_text_is_no_markup() -> None:
    """A picture on the page would tell its server when and where the page is read."""
    picture = "![](http://evil.example/x.png)<img src=x>"
    gate = GateResult("tests", GateOutcome.FAIL, picture)
    queued = replace(QUEUED, task=a_task(description=f"tidy {picture}", repo="/srv/`x`", task_id="t-1"))
    shown = page(
        queued,
        Outcome(TaskStatus.FAILED, picture),
        [Judged(an_attempt(), replace(a_verdict(), gates=(gate,)), "s")],
    )
    tokens = MarkdownIt("commonmark", {"html": True}).parse(shown)
    inner = {child.type for token in tokens for child in token.children or ()}
    assert not {token.type for token in tokens} & {"html_block"} and not inner & {"image", "html_inline"}
    assert "`` /srv/`x` ``" in shown


def test_a_task_without_an_attempt_has_a_page_too() -> None:
    shown = page(QUEUED, OUTCOME, [])
    assert "No attempt was made." in shown
    assert f"](/nightcrew/tasks/{QUEUED.task_id})" in shown, (
        "Prefect's page of a task links to the dashboard's"
    )


def test_the_page_says_why_each_model_was_chosen_the_last_choice_first() -> None:
    plans = [Plan((), (), (), policy="p", explanation=f"Try model-{number}.") for number in (1, 2)]
    shown = page(QUEUED, OUTCOME, [judged()], plans)
    why = shown.partition("## Why these models")[2]
    assert 0 < why.index("Try model-2.") < why.index("Try model-1.")
    assert "Why these models" not in page(QUEUED, OUTCOME, [judged()])


def test_a_question_comes_with_its_evidence_and_every_choice() -> None:
    until = datetime(2026, 8, 23, 12, 30, tzinfo=UTC)
    review = Review("t-1", 1, "Not measurable: who knows?", QUEUED.submitted_at, until, "key")
    shown = question_page(replace(QUEUED, status=TaskStatus.NEEDS_REVIEW), review, [judged()])
    assert shown.startswith("# NeedsReview: unit_test src/pricing.py\n\nNot measurable: who knows?")
    assert PATCH in shown and "until 2026-08-23 12:30 UTC" in shown
    for choice in ("--accept --reason", "--retry --hint", "--retry --model", "--give-up"):
        assert f"nightcrew review t-1 {choice}" in shown
