"""Refuses flow runs other than Nightcrew's own flows with our own command and environment.

Job variables and deployments are data in Prefect's database, and must not decide what is executed.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

PRELOAD = ("flows.run_task",)
"""The modules that the zygote preloads."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The combined request of a run, its deployment and its work pool."""

    command: str | None
    env: Mapping[str, str | None]
    working_dir: Path | None
    preload: Sequence[str]
    entrypoint: str


def refusal(request: RunRequest, project: Path) -> str | None:
    """Why this run is refused, as a sentence; None if it only requests what all our runs get."""
    wrong = [
        ("command", request.command is not None),
        ("env", bool(request.env)),
        ("working_dir", request.working_dir not in {None, project}),
        ("preload", tuple(request.preload) not in {(), PRELOAD}),
    ]
    if named := [name for name, is_wrong in wrong if is_wrong]:
        return (
            f"the job variables {', '.join(named)} decide what is executed and must stay as Nightcrew "
            "sets them: remove them from the run, its deployment and the work pool"
        )
    if request.entrypoint not in our_entrypoints(project):
        asked = request.entrypoint[:200] or "no deployment"
        return f"only Nightcrew's own flows are run by this worker, not {asked!r}"
    return None


@functools.cache
def our_entrypoints(project: Path) -> frozenset[str]:
    """The flows that our `prefect.yaml` deploys."""
    content = yaml.safe_load((project / "prefect.yaml").read_text())
    return frozenset(deployment["entrypoint"] for deployment in content["deployments"])
