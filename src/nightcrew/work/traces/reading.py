"""Reads the spans of a task from state store, results and ledger, whether they were sent or not."""

from collections.abc import Sequence

from nightcrew.ledger.ledger import Ledger
from nightcrew.queue.state_store import utc_now
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.settings import Settings
from nightcrew.work.history import past_trials
from nightcrew.work.results import Results
from nightcrew.work.traces.spans import Span, attempt_spans, task_spans

MOST_CALLS = 5_000
_CALLS = "SELECT * FROM model_calls WHERE task_id = $task_id ORDER BY started_at LIMIT $most"


def read_trace(queue: TaskQueue, settings: Settings, task_id: str) -> Sequence[Span]:
    """The spans of a task, the task itself first.

    Raises:
        BadInput: there is no such task.
    """
    queued = queue.get(task_id)
    trials = past_trials(queue.attempts(task_id), Results(settings.results_dir / task_id), {})
    with Ledger(settings.ledger_dir) as ledger:
        calls = ledger.query(_CALLS, {"task_id": task_id, "most": MOST_CALLS})
    spans = list(task_spans(queued, utc_now()))
    for trial in trials:
        own = [call for call in calls if call["attempt_id"] == trial.attempt.attempt_id]
        spans += attempt_spans(trial.attempt, trial.verdict, own)
    return spans
