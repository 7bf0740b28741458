"""Entry point: reads a job, forks one child for each session, and reports their results."""

from functools import partial
from typing import Any

from . import protocol, session
from .supervise import supervise, tell


def main() -> None:
    """Runs the sessions of a job."""
    tell(_sessions)


def _sessions(asked: "dict[str, Any]", secret: int) -> "dict[str, Any]":
    job = protocol.read_job(asked)
    results = [supervise(partial(session.run, job, one), one.seconds, secret) for one in job.sessions]
    return {"sessions": results}
