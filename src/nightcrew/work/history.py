"""Restores the attempts of earlier runs of a task, so that a suspended or crashed run repeats nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from nightcrew.execution.attempt import Attempt, AttemptEnd
from nightcrew.task import ExecutorName
from nightcrew.validation.verdict import Finding, GateOutcome, GateResult, Severity, Verdict, VerdictKind
from nightcrew.work.learning import worker_of
from nightcrew.work.outcome import Judged


def past_trials(rows: Sequence[Mapping[str, Any]], results: Path, slugs: Mapping[str, str]) -> list[Judged]:
    """A task's recorded attempts with their verdicts, from `rows` of the state store and files in `results`.

    `slugs` maps models to the names under which the selector learns about them.
    """
    return [_judged(row, results / f"attempt-{row['number']}", slugs) for row in rows]


# ---------------------------------------------------------------------------------------------------------


def _judged(row: Mapping[str, Any], folder: Path, slugs: Mapping[str, str]) -> Judged:
    values = {field.name: row[field.name] for field in fields(Attempt) if field.name != "patch"}
    values |= {"executor": ExecutorName(row["executor"]), "end": AttemptEnd(row["end"])}
    values |= {"models_served": tuple(row["models_served"]), "patch": _patch(folder)}
    slug = worker_of(values["models_served"], row["model"], slugs)
    return Judged(Attempt(**values), _verdict(row, folder), slug)


def _patch(folder: Path) -> str:
    """The stored change, read as bytes because text mode would convert carriage returns."""
    path = folder / "attempt.patch"
    return path.read_bytes().decode() if path.is_file() else ""


def _verdict(row: Mapping[str, Any], folder: Path) -> Verdict:
    """The stored verdict with all its gates; if its file is missing, the summary in the state store."""
    try:
        stored = json.loads((folder / "verdict.json").read_text())
    except OSError:
        kind = VerdictKind(row["verdict"] or VerdictKind.INFRASTRUCTURE_FAULT)
        return Verdict(kind, row["score"] or 0.0, (), row["summary"] or "", row["summary"] or "")
    gates = tuple(map(_gate, stored.pop("gates")))
    not_reached = tuple(stored.pop("not_reached", ()))
    kind = VerdictKind(stored["kind"])
    built = tuple(stored.pop("built", ()))
    return Verdict(**(stored | {"kind": kind, "gates": gates, "not_reached": not_reached, "built": built}))


def _gate(stored: Mapping[str, Any]) -> GateResult:
    findings = tuple(
        Finding(**(finding | {"severity": Severity(finding["severity"])}))
        for finding in stored.get("findings", ())
    )
    return GateResult(**{**stored, "outcome": GateOutcome(stored["outcome"]), "findings": findings})
