"""Reads and updates the selector's memory, and rebuilds it from the ledger if its file is unusable."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from nightcrew.execution.attempt import Attempt, AttemptEnd, StopCause
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.memory import Memory, Rebuild
from nightcrew.settings import Settings
from nightcrew.shared_files import SharedFiles, shared_files
from nightcrew.task import Complexity, ExecutorName, Task, TaskType
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.learning import remember, worker_of
from nightcrew.work.outcome import Judged

log = logging.getLogger(__name__)

_TRIALS = """
WITH ended AS (
    SELECT attempt_id, arg_max(started_at, recorded_at) AS began
    FROM facts.attempt_finished GROUP BY attempt_id),
judged AS (SELECT attempt_id, min(recorded_at) AS judged_at FROM facts.verdict GROUP BY attempt_id),
decided AS (SELECT task_id, arg_max(status, recorded_at) AS people FROM facts.pull_followed GROUP BY task_id),
-- The calls that tried a model before the work began have no place in it.
work AS (
    SELECT attempt_id, count(*) AS calls, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cost_usd) AS cost_usd
    FROM model_calls WHERE sequence > 0 GROUP BY attempt_id)
SELECT attempts.* EXCLUDE (calls, input_tokens, output_tokens, cost_usd),
       coalesce(work.calls, 0) AS calls, coalesce(work.input_tokens, 0) AS input_tokens,
       coalesce(work.output_tokens, 0) AS output_tokens, work.cost_usd AS cost_usd, began, complexity,
       coalesce(people IN ('closed', 'reverted') AND attempts.number = max(attempts.number)
           FILTER (attempts.verdict = 'accepted') OVER (PARTITION BY task_id), false) AS was_refused
FROM attempts JOIN tasks USING (task_id) JOIN ended USING (attempt_id) JOIN judged USING (attempt_id)
     LEFT JOIN work USING (attempt_id) LEFT JOIN decided USING (task_id)
WHERE attempts.task_type IS NOT NULL
ORDER BY judged_at, attempt_id"""


def load_memory(settings: Settings, candidates: Sequence[Candidate]) -> Memory:
    """The selector's memory about `candidates`.

    Raises:
        BadInput: a newer version of Nightcrew wrote it.
    """
    if not candidates:  # without a catalogue, it cannot be rebuilt
        return Memory()
    return Memory.load(settings.memory_path, _rebuild_from(settings, candidates))


def learn(
    settings: Settings, candidates: Sequence[Candidate], task: Task, judged: Judged, before: Sequence[Judged]
) -> None:
    """Update the memory with a verdict; `before` are the task's earlier trials."""
    with Memory.updating(settings.memory_path, _rebuild_from(settings, candidates)) as memory:
        remember(memory, candidates, task.task_type, task.complexity, judged, before)


def learn_from_people(
    settings: Settings,
    candidates: Sequence[Candidate],
    task: Task,
    accepted: Judged,
    trials: Sequence[Judged],
) -> None:
    """Update the memory because people closed or reverted an accepted change: it counts as rejected, too."""
    learn(settings, candidates, task, _refused(accepted), trials[: trials.index(accepted) + 1])


def rebuilt_memory(
    ledger_dir: Path, candidates: Sequence[Candidate], shared: SharedFiles | None = None
) -> Memory:
    """A memory built from all verdicts in the ledger, in their order.

    Models are described by the current catalogue; verdicts on models that it no longer lists are skipped.
    """
    memory, slugs = Memory(), {candidate.model: candidate.slug for candidate in candidates}
    earlier: dict[str, list[Judged]] = defaultdict(list)
    for task_type, complexity, judged, was_refused in _recorded_trials(ledger_dir, slugs, shared):
        before = earlier[judged.attempt.task_id]
        remember(memory, candidates, task_type, complexity, judged, before)
        before.append(judged)
        if was_refused:
            remember(memory, candidates, task_type, complexity, _refused(judged), before)
    return memory


# ---------------------------------------------------------------------------------------------------------


def _rebuild_from(settings: Settings, candidates: Sequence[Candidate]) -> Rebuild:
    return partial(rebuilt_memory, settings.ledger_dir, candidates, shared_files(settings))


def _recorded_trials(
    ledger_dir: Path, slugs: Mapping[str, str], shared: SharedFiles | None
) -> Iterator[tuple[TaskType, Complexity, Judged, bool]]:
    if not (shared or ledger_dir.is_dir()):
        return
    from nightcrew.ledger.ledger import Ledger  # imported here because DuckDB takes a moment to import

    with Ledger(ledger_dir, shared) as ledger:
        rows = ledger.query(_TRIALS)
    if rows:
        log.info("the selector's memory is rebuilt from %d attempts in the ledger", len(rows))
    for row in rows:
        yield (
            TaskType(row["task_type"]),
            Complexity(row["complexity"]),
            _judged(row, slugs),
            row["was_refused"],
        )


def _refused(judged: Judged) -> Judged:
    return replace(judged, verdict=replace(judged.verdict, kind=VerdictKind.REJECTED))


def _judged(row: Mapping[str, Any], slugs: Mapping[str, str]) -> Judged:
    served = tuple(row["models_served"])
    attempt = Attempt(
        attempt_id=row["attempt_id"],
        task_id=row["task_id"],
        number=row["number"],
        executor=ExecutorName(row["executor"]),
        model=row["model"],
        models_served=served,
        started_at=row["began"],
        ended_at=row["ended_at"],
        end=AttemptEnd(row["attempt_end"]),
        detail=row["detail"],
        patch="",
        calls=row["calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"] or Decimal(0),
        stop_cause=StopCause(row["stop_cause"]) if row["stop_cause"] else None,
    )
    verdict = Verdict(VerdictKind(row["verdict"]), row["score"], (), row["verdict_summary"], "")
    return Judged(attempt, verdict, worker_of(served, row["model"], slugs))
