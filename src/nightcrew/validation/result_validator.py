"""The Result Validator: judges one change by running gates in a clean room. Work is completed only when
it accepts."""

import json
import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nightcrew.errors import BadInput, SandboxUnavailable, Transient
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.sandbox import Sandbox
from nightcrew.secrets.redaction import redact_known, redact_object
from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.validation.change.change import PatchRefused
from nightcrew.validation.gate import Gate, failed
from nightcrew.validation.gates import all_gates, own_gates
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from nightcrew.validation.scoring import conclude, fault
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict

log = logging.getLogger(__name__)
ALWAYS_ASKED = {
    "lost",
    "empowered",
}  # they only read: the next attempt gets both answers at once


class ResultValidator:
    """Judges changes. It has no state: the same input gives the same verdict."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self.settings = settings
        self.sandbox = sandbox

    def judge(
        self,
        task: Task,
        patch: str,
        *,
        commit: str,
        evidence: Path | None = None,
        gates: Sequence[Gate] | None = None,
    ) -> Verdict:
        """The verdict on `patch` against `commit`; the gates' reports are stored in the folder `evidence`.

        With some of the gates only, it tells their objections and is no ground to accept a change.

        Raises:
            BadInput: the repository or its configuration cannot be read.
        """
        return self._judge(task, patch, base_checkout(task.repo, commit, self.settings), evidence, gates)

    def judge_against(
        self, base: Checkout, task: Task, patch: str, *, evidence: Path | None = None
    ) -> Verdict:
        """The same for a base that is checked out already; it is only read."""
        return self._judge(task, patch, nullcontext(base), evidence)

    def _judge(
        self,
        task: Task,
        patch: str,
        source: AbstractContextManager[Checkout],
        evidence: Path | None,
        gates: Sequence[Gate] | None = None,
    ) -> Verdict:
        results: list[GateResult] = []
        try:
            with (
                warnings.catch_warnings(action="ignore", category=SyntaxWarning),
                source as base,
                open_room(
                    task, patch, base, settings=self.settings, sandbox=self.sandbox, evidence=evidence
                ) as room,
            ):
                verdict = self._run(room, results, gates)
        except PatchRefused as error:
            refused = failed(
                "scope",
                f"The patch cannot be judged: {error}.",
                "Make a plain text change that applies to base.",
            )
            names = [gate.name for gate in all_gates() if gate.applies(task)]
            verdict = conclude(task, [refused], names, self.sandbox.name)
        except BadInput:
            raise
        except (Transient, SandboxUnavailable, OSError) as error:
            log.warning("task %s could not be judged: %s", task.task_id, error)
            verdict = fault(str(error), results, self.sandbox.name)
        except Exception as error:
            # A gate that breaks is Nightcrew's fault: it never passes, and never counts against the change.
            log.exception("task %s could not be judged", task.task_id)
            verdict = fault(f"{type(error).__name__} in a gate: {error}", results, self.sandbox.name)
        log.info(
            "task %s: %s, score %.4f: %s", task.task_id, verdict.kind, verdict.score, verdict.summary[:300]
        )
        return verdict

    def _run(self, room: CleanRoom, results: list[GateResult], chosen: Sequence[Gate] | None) -> Verdict:
        gates = chosen if chosen is not None else (*all_gates(), *own_gates(room.config))
        gates = tuple(gate for gate in gates if gate.applies(room.task))
        for gate in gates:
            decided = any(one.outcome is GateOutcome.FAIL and not one.is_unproven for one in results)
            if decided and gate.name not in ALWAYS_ASKED:
                break
            began = time.time()
            result = replace(gate.run(room), began=began, seconds=time.time() - began)
            results.append(result)
            log.debug("gate %s: %s: %s", result.name, result.outcome, result.message)
        verdict = conclude(room.task, results, [gate.name for gate in gates], self.sandbox.name)
        return replace(verdict, built=room.environment.built)


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict in the form that `nightcrew verify --json` prints."""
    return {
        "verdict": verdict.kind.value,
        "score": verdict.score,
        "gates": [
            {
                "name": gate.name,
                "outcome": gate.outcome.value,
                "evidence": _plain(gate.evidence),
                "message": gate.message,
                "hint": gate.hint,
                "findings": [asdict(finding) for finding in gate.findings],
            }
            for gate in verdict.gates
        ],
        "not_reached": list(verdict.not_reached),
        "asks": verdict.asks,
        "environment_built_from": list(verdict.built),
    }


def keep_verdict(evidence: Path, patch: str, verdict: Verdict) -> None:
    """Writes the patch and the findings about it to a folder."""
    evidence.mkdir(parents=True, exist_ok=True)
    (evidence / "patch.diff").write_bytes(redact_known(patch).encode("utf-8", "surrogateescape"))
    document = verdict_json(verdict) | {"summary": verdict.summary, "feedback": verdict.feedback}
    document["sandbox"] = verdict.sandbox
    text = json.dumps(redact_object(document), indent=2, sort_keys=True)
    (evidence / "verdict.json").write_text(text + "\n")


def _plain(evidence: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(evidence, default=str))
    return plain
