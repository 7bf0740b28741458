"""How tasks are printed, the same in every command."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nightcrew.cli.app import ExitCode
from nightcrew.cli.output import console, counted, duration, money, print_table, styled
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.task import FailureReason, Task, TaskStatus
from nightcrew.validation.verdict import VerdictKind

if TYPE_CHECKING:  # the state store's libraries take half a second to import
    from collections.abc import Mapping, Sequence

    from nightcrew.queue.task_table import QueuedTask

COLUMNS = (
    "task",
    "type",
    "where",
    "what",
    "priority",
    "models tried",
    "status",
    "score",
    "calls",
    "cost",
    "duration",
)

_WHAT = 60  # characters of a description in a list
_WHY = 200  # characters of a reason

ATTEMPT_COLUMNS = ("attempt", "executor", "model", "ended", "verdict", "score", "calls", "cost", "why")


def row(queued: QueuedTask) -> Sequence[object]:
    """A task as a table row with `COLUMNS`."""
    return (
        queued.task_id,
        queued.task.task_type,
        _where(queued.task),
        shorten(queued.task.description, _WHAT, placeholder="…"),
        queued.task.priority,
        "\n".join(queued.models) or "–",
        _with_branch(queued),
        "–" if queued.score is None else f"{queued.score:.2f}",
        queued.calls,
        money(queued.cost_usd),
        duration(seconds_of(queued)),
    )


def _where(task: Task) -> str:
    """The repository's name, and the target file."""
    name = task.repo.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return f"{name}: {task.target_file}" if task.target_file else name


def status_text(queued: QueuedTask) -> Text:
    """The status in its colour, with the reason of a failure; tells if a person accepted the change."""
    word = queued.status.value
    if queued.status is TaskStatus.COMPLETED and queued.verdict != VerdictKind.ACCEPTED:
        return styled("needs_review", f"{word}: {queued.verdict}")
    return styled(word, f"{word}: {queued.failure_reason}" if queued.failure_reason else word)


def _with_branch(queued: QueuedTask) -> Text:
    """The status, and whether its change was delivered."""
    word = queued.delivery.status.replace("_", " ") if queued.delivery else ""
    return status_text(queued).append(f"\n{word}" if word else "")


def seconds_of(queued: QueuedTask) -> float | None:
    """How long the task has been running, in seconds."""
    if queued.started_at is None:
        return None
    return ((queued.ended_at or datetime.now(UTC)) - queued.started_at).total_seconds()


def exit_code(queued: QueuedTask) -> ExitCode:
    """The exit code for a task that has ended."""
    if queued.status is TaskStatus.COMPLETED:
        return ExitCode.DONE
    if queued.status is TaskStatus.NEEDS_REVIEW:
        return ExitCode.NOT_MEASURABLE
    if queued.failure_reason is FailureReason.INVALID:
        return ExitCode.BAD_INPUT
    if queued.failure_reason is FailureReason.INFRASTRUCTURE:
        return ExitCode.INFRASTRUCTURE
    return ExitCode.FAILED


def task_json(queued: QueuedTask) -> dict[str, Any]:
    """A task as a JSON object."""
    return {
        **queued.task.model_dump(mode="json"),
        "commit": queued.commit,
        "status": queued.status,
        "failure_reason": queued.failure_reason,
        "detail": queued.detail,
        "submitted_at": queued.submitted_at,
        "started_at": queued.started_at,
        "ended_at": queued.ended_at,
        "seconds": seconds_of(queued),
        "flow_run_id": queued.flow_run_id,
        "verdict": queued.verdict,
        "score": queued.score,
        "models_tried": queued.models,
        "attempts": queued.attempts,
        "calls": queued.calls,
        "input_tokens": queued.input_tokens,
        "output_tokens": queued.output_tokens,
        "cost_usd": queued.cost_usd,
        "change_path": queued.change_path,
        "delivery": queued.delivery,
    }


def print_task(queued: QueuedTask, attempts: Sequence[Mapping[str, Any]]) -> None:
    """Print a task for a person: status, cost, every attempt and the change's path."""
    task = queued.task
    target = f" {task.target_file}" if task.target_file else ""
    console.print(status_text(queued), f"{queued.task_id}: {task.task_type}{target} in {task.repo}")
    console.print(task.description, style="dim")
    if queued.detail:
        console.print(queued.detail)
    if queued.status is TaskStatus.NEEDS_REVIEW:
        console.print(f"See the evidence and answer with: nightcrew review {queued.task_id}")
    if attempts:
        print_table("", ATTEMPT_COLUMNS, map(_attempt_row, attempts))
    tokens = queued.input_tokens + queued.output_tokens
    used = f"{counted(queued.calls, 'call')}, {tokens:,} tokens"
    console.print(f"{used}, {money(queued.cost_usd)}, {duration(seconds_of(queued))}")
    if queued.change_path:
        console.print(f"The change: {queued.change_path}")
        console.print(f"Apply it:   nightcrew apply {queued.task_id}")
    if queued.delivery:
        console.print(f"Delivery:   {queued.delivery.detail or queued.delivery.status}")


def stored_verdict(folder: Path) -> dict[str, Any]:
    """The verdict in a folder of results; empty where there is none."""
    try:
        stored: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    except (OSError, ValueError):
        return {}
    return stored


def _attempt_row(attempt: Mapping[str, Any]) -> Sequence[object]:
    return (
        attempt["number"],
        attempt["executor"],
        "\n".join(attempt["models_served"]) or attempt["model"],
        attempt["end"],
        styled(attempt["verdict"] or "–"),
        "–" if attempt["score"] is None else f"{attempt['score']:.2f}",
        attempt["calls"],
        money(attempt["cost_usd"]),
        _why(attempt),
    )


def _why(attempt: Mapping[str, Any]) -> str:
    """The sentence that decided; how the attempt ended if that is the reason, or if it ended early."""
    summary, detail = attempt["summary"] or "", attempt["detail"]
    if not summary or summary.endswith(detail):
        return shorten(summary or detail, _WHY, placeholder=" …")
    sentence = _first_sentence(summary)
    is_early = attempt["end"] != AttemptEnd.FINISHED and attempt["verdict"] == VerdictKind.REJECTED
    return f"{sentence}; it ended early: {shorten(detail, _WHY, placeholder=' …')}" if is_early else sentence


def _first_sentence(text: str) -> str:
    """The start of the first sentence, without the verdict; the gates' findings have the rest."""
    kind, _, reason = text.partition(": ")
    sentence = reason if kind in {"Rejected", "Not measurable"} else text
    return shorten(sentence.partition(". ")[0].rstrip("."), _WHY, placeholder=" …")
