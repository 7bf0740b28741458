"""What a flow run may ask of the worker: nothing but one of our flows, run as we run it.

Job variables and deployments are data in Prefect's database. None of them chooses what is executed.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

PRELOAD = ("flows.run_task",)
"""The modules that the zygote loads ahead."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run, its deployment and its work pool ask for together."""

    command: str | None
    env: Mapping[str, str | None]
    working_dir: Path | None
    preload: Sequence[str]
    entrypoint: str


def refusal(request: RunRequest, project: Path) -> str | None:
    """Why this run is not started, as a sentence; None where it asks for what every run of ours gets."""
    wrong = [
        ("command", request.command is not None),
        ("env", bool(request.env)),
        ("working_dir", request.working_dir not in {None, project}),
        ("preload", tuple(request.preload) not in {(), PRELOAD}),
    ]
    if named := [name for name, is_wrong in wrong if is_wrong]:
        return (
            f"the job variables {', '.join(named)} would choose what is executed and must stay as Nightcrew "
            "sets them: remove them from the run, its deployment and the work pool"
        )
    if request.entrypoint not in our_entrypoints(project):
        asked = request.entrypoint[:200] or "no deployment"
        return f"only Nightcrew's own flows are run by this worker, not {asked!r}"
    return None


@functools.cache
def our_entrypoints(project: Path) -> frozenset[str]:
    """The flows that our `prefect.yaml` deploys."""
    told = yaml.safe_load((project / "prefect.yaml").read_text())
    return frozenset(deployment["entrypoint"] for deployment in told["deployments"])
