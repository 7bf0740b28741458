"""One task's story: how it was planned, tried, judged and delivered, with its calls and its change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightcrew.ledger.ledger import Ledger, Row
from nightcrew.queue.reviews import Review, Reviews
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.redaction import redact
from nightcrew.settings import Settings
from nightcrew.validation.verdict import Verdict
from nightcrew.work.published import published, published_patch
from nightcrew.work.results import Results, results_of

MOST_CALLS = 200
MOST_PATCH_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt: its row in the store, its verdict and its change (redacted); both may be missing."""

    row: Mapping[str, Any]
    verdict: Verdict | None
    patch: str


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known about one task."""

    queued: QueuedTask
    trials: Sequence[Trial]
    reviews: Sequence[Review]
    decisions: Sequence[Row]  # the plans, oldest first
    calls: Sequence[Row]  # the latest, oldest first


def read_story(store: StateStore, ledger: Ledger, settings: Settings, task_id: str) -> Story:
    """Read what is known about a task.

    Raises:
        BadInput: there is no such task.
    """
    queue = TaskQueue(store, settings.max_unfinished_tasks)
    queued = queue.get(task_id)
    results = results_of(settings, task_id)
    results.fetch()
    of_task = {"task_id": task_id}
    decisions = ledger.query("SELECT * FROM decisions WHERE task_id = $task_id ORDER BY number", of_task)
    calls = ledger.query(_CALLS, of_task | {"most": MOST_CALLS})
    rows = queue.attempts(task_id)
    asked = [Reviews(store).find(task_id, row["number"]) for row in rows]
    return Story(
        queued=queued,
        trials=[_trial(results, row) for row in rows],
        reviews=[review for review in asked if review is not None],
        decisions=decisions,
        calls=calls,
    )


# ---------------------------------------------------------------------------------------------------------

_CALLS = """
SELECT * FROM (SELECT * FROM model_calls WHERE task_id = $task_id ORDER BY started_at DESC LIMIT $most)
ORDER BY started_at"""


def _trial(results: Results, row: Mapping[str, Any]) -> Trial:
    patch = redact(published_patch(results.patch(row["number"])))[:MOST_PATCH_CHARACTERS]
    verdict = results.verdict(row["number"])
    return Trial(row, None if verdict is None else published(verdict), patch)
