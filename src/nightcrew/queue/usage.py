"""What a task has used: calls, tokens and cost, added up in its row."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Connection, select, update

from nightcrew.execution.attempt import Attempt, ModelCall
from nightcrew.queue.task_table import tasks


def add_attempt(
    connection: Connection, attempt: Attempt, *, verdict: str | None, score: float | None
) -> None:
    """Add an attempt's figures and its verdict to its task."""
    of_task = tasks.c.task_id == attempt.task_id
    models = connection.execute(select(tasks.c.models).where(of_task).with_for_update()).scalar_one()
    connection.execute(
        update(tasks)
        .where(of_task)
        .values(
            verdict=verdict,
            score=score,
            models=list(dict.fromkeys((*models, *(attempt.models_served or (attempt.model,))))),
            attempts=tasks.c.attempts + 1,
            crashes=0,
        )
    )
    _add(
        connection,
        attempt.task_id,
        attempt.calls,
        attempt.input_tokens,
        attempt.output_tokens,
        attempt.cost_usd,
    )


def add_calls(connection: Connection, task_id: str, calls: Sequence[ModelCall]) -> None:
    """Add single calls; one of unknown cost adds none, as in an attempt."""
    _add(
        connection,
        task_id,
        len(calls),
        sum(call.input_tokens for call in calls),
        sum(call.output_tokens for call in calls),
        sum((call.cost_usd or Decimal() for call in calls), Decimal()),
    )


# ---------------------------------------------------------------------------------------------------------


def _add(
    connection: Connection, task_id: str, calls: int, input_tokens: int, output_tokens: int, cost_usd: Decimal
) -> None:
    values = {
        "calls": tasks.c.calls + calls,
        "input_tokens": tasks.c.input_tokens + input_tokens,
        "output_tokens": tasks.c.output_tokens + output_tokens,
        "cost_usd": tasks.c.cost_usd + cost_usd,
    }
    connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(**values))
