"""The trusted side of the agent: starts the client in the sandbox and determines how it ended.

It imports neither `openhands` nor `litellm`, and writes nothing into the workspace. It does not retry: the
gateway retries model calls, and the flow makes new attempts.
"""

import logging
import uuid
from collections.abc import Sequence

from nightcrew.execution.confinement.forking.forked import NotForked
from nightcrew.execution.environments.environment import project_paths
from nightcrew.execution.execution_engine import Assignment, Report
from nightcrew.execution.executors.briefing import briefing
from nightcrew.execution.sandbox import Completed, Mount, Results, Sandbox
from nightcrew.openhands.ending import how_it_ended
from nightcrew.openhands.forks import CLIENT, forked_agents
from nightcrew.openhands.inside.protocol import SOCKET, STATE, Brief, cut, read_result
from nightcrew.openhands.runtime import agent_runtime, inside_mounts
from nightcrew.settings import Settings
from nightcrew.untrusted import read_json

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""How long before the sandbox's time limit the client stops, in seconds, so that it can report."""


CALL_SECONDS = 120.0  # beside the model's own, for other models that are asked when it fails
"""More than the most seconds of the gateway for one request, with waits and rotations."""


class OpenHandsAdapter:
    """The executor *openhands*: an agent loop with a terminal and a file editor."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def execute(self, assignment: Assignment) -> Report:
        """Let the agent work on the assignment until it ends or is stopped."""
        with Results(Progress(assignment.attempt_id)) as results:
            completed = self._run(assignment, results)
        result = read_result(results.content.decode(errors="replace"))
        report = how_it_ended(result, completed, assignment.door.usage())
        log.info("%s: the agent ended %s: %s", assignment.attempt_id, report.end, report.detail)
        return report

    def _run(self, assignment: Assignment, results: Results) -> Completed:
        runtime = agent_runtime(self._settings, assignment.sandbox)

        def start(sandbox: Sandbox, argv: Sequence[str], mounts: Sequence[Mount]) -> Completed:
            return sandbox.run(
                argv,
                workspace=assignment.checkout.path,
                mounts=(*mounts, *_mounts(assignment)),
                env=_environment(assignment),
                stdin=_brief(assignment).model_dump_json().encode(),
                limits=assignment.limits,
                results=results,
            )

        forked = forked_agents(self._settings, assignment.sandbox, runtime)
        if forked is not None:
            try:
                return start(forked, [SOCKET, STATE], ())
            except NotForked as error:
                log.warning("%s: the agent loads the SDK itself: %s", assignment.attempt_id, error)
        # -I: the client imports no module from the workspace or its PYTHONPATH.
        argv = [str(runtime.python), "-I", "-m", CLIENT, SOCKET, STATE]
        return start(assignment.sandbox, argv, inside_mounts(runtime))


class Progress:
    """Logs the agent's actions as they happen, from the client's reports."""

    def __init__(self, attempt_id: str) -> None:
        self._attempt_id = attempt_id
        self._rest = b""
        self._actions = 0

    def __call__(self, piece: bytes) -> None:
        """Process the next piece; a line may be split into several."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._log_event(line)

    def _log_event(self, line: bytes) -> None:
        try:
            event = read_json(line)
        except ValueError:
            return
        match event:
            case {"event": "action", "tool": tool, "arguments": dict() as arguments}:
                self._actions += 1
                what = " ".join(str(value) for value in (tool, *arguments.values()))
                log.info("%s: action %d: %s", self._attempt_id, self._actions, _line(what))
            case {"event": "tool_error" | "error", "text": text}:
                log.warning("%s: %s", self._attempt_id, _line(str(text)))


# ---------------------------------------------------------------------------------------------------------


def _line(text: str) -> str:
    """Untrusted text for the end of a log line: short, and without control characters."""
    return cut("".join(letter if letter.isprintable() else " " for letter in text), 200)


def _brief(assignment: Assignment) -> Brief:
    wall_seconds = assignment.limits.wall_seconds
    return Brief(
        conversation_id=str(uuid.uuid5(uuid.NAMESPACE_OID, assignment.attempt_id)),
        prompt=briefing(assignment),
        model=assignment.door.model,
        token=assignment.door.token,
        max_iterations=assignment.max_iterations,
        wall_seconds=max(wall_seconds - GRACE_SECONDS, wall_seconds / 2),
        call_seconds=assignment.call_seconds + CALL_SECONDS,
    )


def _mounts(assignment: Assignment) -> tuple[Mount, ...]:
    return (
        *assignment.environment.mounts,
        Mount(assignment.door.socket_path, SOCKET),
        Mount(assignment.state_dir, STATE, writable=True),
    )


def _environment(assignment: Assignment) -> dict[str, str]:
    """The environment of the agent's shell, with the repository's Python first and without any key."""
    return {
        "PATH": f"{assignment.environment.bin}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join(project_paths(assignment.checkout.path, assignment.root)),
    }
