# ruff: noqa: E501
"""The product's verdict on a case, and its cost: each worker is a process, so that its CPU can be measured."""

import ctypes
import os
import resource
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.verdict.journal import code_digest
from benchmarks.verdict.wild.case import Case
from nightcrew.errors import NightcrewError
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind, Settings
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
    """One row: the answer, the gate that decided, why, and seconds of CPU and of wall time."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # processes that a sandbox leaves behind are counted here
    before, started = _cpu(), time.monotonic()
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
        validator = ResultValidator(Settings(home=home), open_sandbox(SandboxKind.BUBBLEWRAP))
        verdict = validator.judge(task, case.patch, commit=case.base)
    except (NightcrewError, ValueError) as error:
        row |= {"answer": Answer.FAULT.value, "score": 0.0, "gate": "door", "why": str(error)[:1500]}
    else:
        row |= _told(verdict)
    _adopted()
    return row | {"cpu": round(_cpu() - before, 2), "wall": round(time.monotonic() - started, 2)}


# ---------------------------------------------------------------------------------------------------------


def _told(verdict: Verdict) -> Row:
    answer = answer_of(verdict)
    word = {
        Answer.REJECTED: GateOutcome.FAIL, Answer.MORE_TESTS: GateOutcome.FAIL, Answer.PERSON: GateOutcome.ASKS,
    }.get(answer, GateOutcome.NOT_MEASURABLE)  # fmt: skip
    deciding = next((gate.name for gate in verdict.gates if gate.outcome is word), "")
    why = verdict.feedback or verdict.summary
    return {"answer": answer.value, "score": verdict.score, "gate": deciding or ("score" if word is GateOutcome.FAIL else ""),
            "why": why[:1500], "gates": {gate.name: gate.outcome.value for gate in verdict.gates}}  # fmt: skip


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _adopted() -> None:
    """Waits for processes that ended after their parent: only then is their time known."""
    until = time.monotonic() + 2
    with suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
