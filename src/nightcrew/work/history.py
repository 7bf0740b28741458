"""Restores the attempts of earlier runs of a task, so that a suspended or crashed run repeats nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from nightcrew.execution.attempt import Attempt
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.learning import worker_of
from nightcrew.work.outcome import Judged
from nightcrew.work.results import Results

_ATTEMPT = TypeAdapter(Attempt)


def past_trials(
    rows: Sequence[Mapping[str, Any]], results: Results, slugs: Mapping[str, str]
) -> list[Judged]:
    """The recorded attempts at a task with their verdicts: `rows` of the state store, files of `results`.

    `slugs` maps the catalogue's models to slugs.
    """
    return [_judged(row, results, slugs) for row in rows]


# ---------------------------------------------------------------------------------------------------------


def _judged(row: Mapping[str, Any], results: Results, slugs: Mapping[str, str]) -> Judged:
    number = row["number"]
    attempt = _ATTEMPT.validate_python({**row, "patch": results.patch(number)})
    verdict = results.verdict(number) or _as_stored(row)
    return Judged(attempt, verdict, worker_of(attempt.models_served, attempt.model, slugs))


def _as_stored(row: Mapping[str, Any]) -> Verdict:
    """The summary of a verdict in the state store."""
    kind = VerdictKind(row["verdict"] or VerdictKind.INFRASTRUCTURE_FAULT)
    return Verdict(kind, row["score"] or 0.0, (), row["summary"] or "", row["summary"] or "")
