"""Entry: reads a job, forks one child per session, tells what they found."""

from functools import partial
from typing import Any

from . import protocol, session
from .supervise import supervise, tell


def main() -> None:
    """The sessions of a job."""
    tell(_sessions)


def _sessions(asked: "dict[str, Any]", secret: int) -> "dict[str, Any]":
    job = protocol.read_job(asked)
    told = [supervise(partial(session.run, job, one), one.seconds, secret) for one in job.sessions]
    return {"sessions": told}
