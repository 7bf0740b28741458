# ruff: noqa: E501
"""The product's verdict on a case, and its cost: each worker is a process, so that its CPU can be measured."""

import ctypes
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.verdict.journal import code_digest
from benchmarks.verdict.wild.case import Case
from benchmarks.verdict.wild.meter import Metered, adopted, metered, own_seconds
from nightcrew.errors import NightcrewError
from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.validation.result_validator import ResultValidator
from nightcrew.validation.verdict import GateOutcome, Verdict, VerdictKind

_SUBREAPER = 36

type Row = dict[str, Any]


class Answer(StrEnum):
    """What the verdict means for a change."""

    ACCEPTED = "accepted"
    MORE_TESTS = "one more test"  # rejected for what no test of it proves
    PERSON = "person"
    REJECTED = "rejected"
    NOT_MEASURABLE = "not measurable"
    FAULT = "fault of ours"


def answer_of(verdict: Verdict) -> Answer:
    """The answer for a verdict."""
    if verdict.kind is VerdictKind.REJECTED:
        return Answer.MORE_TESTS if verdict.is_unproven else Answer.REJECTED
    if verdict.kind is VerdictKind.NOT_MEASURABLE:
        unclear = any(gate.outcome is GateOutcome.NOT_MEASURABLE for gate in verdict.gates)
        return Answer.NOT_MEASURABLE if unclear else Answer.PERSON
    return Answer.ACCEPTED if verdict.kind is VerdictKind.ACCEPTED else Answer.FAULT


def judge(case: Case, repo: Path, home: Path) -> Row:
    """One row: the answer, the gate that decided, why, seconds of CPU and of wall time, and the CPU by parts."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # processes that a sandbox leaves behind are counted here
    with metered() as sandbox:
        own, others, started = own_seconds(), sandbox.seconds(), time.monotonic()
        row = _judged(case, repo, home, sandbox)
        adopted()
        own, others = own_seconds() - own, sandbox.seconds() - others
    sandboxed = sum(seconds for _, seconds in sandbox.parts.values())
    parts = {**sandbox.parts, "own": (1, round(own, 2)), "others": (1, round(others - sandboxed, 2))}
    return row | {"cpu": round(own + others, 2), "wall": round(time.monotonic() - started, 2), "parts": parts}


# ---------------------------------------------------------------------------------------------------------


def _judged(case: Case, repo: Path, home: Path, sandbox: Metered) -> Row:
    row: Row = {
        "key": case.key, "project": case.project, "kind": case.kind, "good": case.good,
        "type": case.task_type.value, "code": code_digest(),
    }  # fmt: skip
    try:
        wanted: Mapping[str, Any] = {
            "description": case.description, "repo": str(repo), "task_type": case.task_type, "base": case.base,
            "target_file": case.target or None, "acceptance": case.acceptance,
        }  # fmt: skip
        task = Task.model_validate(wanted)
        settings = Settings(home=home, forked_runs=sandbox.group is not None)
        verdict = ResultValidator(settings, sandbox).judge(task, case.patch, commit=case.base)
    except (NightcrewError, ValueError) as error:
        return row | {"answer": Answer.FAULT.value, "score": 0.0, "gate": "door", "why": str(error)[:1500]}
    return row | _row_of(verdict)


def _row_of(verdict: Verdict) -> Row:
    answer = answer_of(verdict)
    word = {
        Answer.REJECTED: GateOutcome.FAIL, Answer.MORE_TESTS: GateOutcome.FAIL, Answer.PERSON: GateOutcome.ASKS,
    }.get(answer, GateOutcome.NOT_MEASURABLE)  # fmt: skip
    deciding = next((gate.name for gate in verdict.gates if gate.outcome is word), "")
    why = verdict.feedback or verdict.summary
    return {"answer": answer.value, "score": verdict.score, "gate": deciding or ("score" if word is GateOutcome.FAIL else ""),
            "why": why[:1500], "gates": {gate.name: gate.outcome.value for gate in verdict.gates}}  # fmt: skip
