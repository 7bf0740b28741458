"""Determines on the trusted side how an attempt of the agent ended.

The observations of the supervisor have priority, then the gateway's, then the client's report from the
sandbox. The SDK calls plain text *finished*; here the finish tool must have been called last.
"""

from nightcrew.execution.attempt import AttemptEnd, StopCause
from nightcrew.execution.execution_engine import DoorUsage, Report
from nightcrew.execution.sandbox import Completed
from nightcrew.openhands.errors import classify_error
from nightcrew.openhands.inside.protocol import ErrorFacts, Exit, Result, cut
from nightcrew.plain_text import quoted

ITERATIONS = "MaxIterationsReached"
CUT_OFF = "length"
"""The finish reason of an answer that reached the output limit."""
INVALID_CALLS = 3
"""Consecutive invalid tool calls after which the model is considered unable to make valid ones."""
SIGNALLED = 128
"""Exit codes above this one, and negative ones, mean a signal."""


_INTERRUPTED = {AttemptEnd.STUCK, AttemptEnd.ITERATION_LIMIT, AttemptEnd.WALL_TIME}


def how_it_ended(result: Result | None, completed: Completed, usage: DoorUsage) -> Report:
    """How the attempt ended, and why in one sentence for a person."""
    if completed.killed_by is not None:
        end, detail = _killed(completed.killed_by)
    elif result is None:
        end, detail = _without_result(completed)
    elif result.timed_out:
        end, detail = AttemptEnd.WALL_TIME, f"the time limit was reached after {completed.seconds:.0f} s"
    elif result.error is not None and result.error.name != ITERATIONS:
        end, detail = _by_error(result.error, usage)
    else:
        end, detail = _by_itself(result, usage)
    if result is None:
        return Report(end, detail)
    return Report(end, f"{detail}{_what_happened(end, result)}", result.last_message)


def _what_happened(end: AttemptEnd, result: Result) -> str:
    """The last words of the model or a tool, where they show why nothing came of the attempt."""
    if end is AttemptEnd.PROSE and result.last_message.strip():
        return f": {quoted(result.last_message)}"
    words = ""
    if end in _INTERRUPTED and result.last_action:
        words = f"; its last action: {quoted(result.last_action, 150)}"
    if end in {AttemptEnd.FINISHED, AttemptEnd.INVALID_OUTPUT, *_INTERRUPTED} and result.last_error:
        words += f"; the last error of a tool: {quoted(result.last_error)}"
    return words


def _killed(by: str) -> tuple[AttemptEnd, str]:
    if by == "wall_time":
        return AttemptEnd.WALL_TIME, "the time limit was reached and the sandbox was ended"
    if by == "cancelled":
        return AttemptEnd.CANCELLED, "the attempt was cancelled"
    return AttemptEnd.KILLED, f"the sandbox was ended at its limit: {by}"


def _without_result(completed: Completed) -> tuple[AttemptEnd, str]:
    """The end if the client died. A signal is no infrastructure fault, as sandboxed code may have sent it."""
    code = completed.returncode
    if code < 0 or code > SIGNALLED:
        return (
            AttemptEnd.KILLED,
            f"the agent's process was ended by signal {code % SIGNALLED if code > 0 else -code}",
        )
    last_words = cut(completed.stderr.decode(errors="replace").strip(), 300)
    why = "could not read its brief" if code == Exit.CONFIG else f"ended without a result (exit code {code})"
    return AttemptEnd.INFRASTRUCTURE, f"the agent's process {why}: {last_words or 'no output'}"


def _by_error(error: ErrorFacts, usage: DoorUsage) -> tuple[AttemptEnd, str]:
    """The end by an error; the gateway's reason has priority, as it knows the account and all models."""
    row = classify_error(error)
    if usage.infrastructure:
        return AttemptEnd.INFRASTRUCTURE, str(usage.stopped or row.meaning)
    if usage.stopped is not None:
        out_of_money = usage.stopped.cause is StopCause.BUDGET
        return (AttemptEnd.BUDGET if out_of_money else AttemptEnd.MODEL_UNFIT), str(usage.stopped)
    status = f" {error.status}" if error.status else ""
    return row.end, f"{row.meaning} ({error.name}{status}: {cut(error.text, 200)})"


def _by_itself(result: Result, usage: DoorUsage) -> tuple[AttemptEnd, str]:
    """The end without an error or external limit: the agent stopped, or the SDK stopped it."""
    if result.finish_called:
        if usage.calls == 0:
            return AttemptEnd.INFRASTRUCTURE, "the client says finished, but the gateway saw no model call"
        return AttemptEnd.FINISHED, "the agent called finish"
    if result.error is not None:
        return AttemptEnd.ITERATION_LIMIT, f"no end after {result.calls} model calls"
    if result.finish_reason == CUT_OFF:
        return AttemptEnd.TRUNCATED, "the model's output limit truncated its last answer"
    if result.status == "stuck":
        return _stuck(result)
    if result.status == "finished":
        nudged = " and again when asked to act" if result.nudges else ""
        return AttemptEnd.PROSE, f"the model answered with text without acting{nudged}"
    return AttemptEnd.INFRASTRUCTURE, f"the SDK stopped with the status {result.status}"


def _stuck(result: Result) -> tuple[AttemptEnd, str]:
    if result.tool_errors >= INVALID_CALLS:
        return (
            AttemptEnd.INVALID_OUTPUT,
            f"{result.tool_errors} tool calls in a row were invalid or could not be run",
        )
    return AttemptEnd.STUCK, "the agent repeated itself"
