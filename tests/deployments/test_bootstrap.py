"""What is deleted while the crew makes other things again is noticed before it is made again too."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deployments import bootstrap


@pytest.mark.parametrize(
    ("names", "acts"), [(["low"], ["pool", "runs", "deployments"]), (None, ["pool", "deployments"])]
)
def test_runs_that_went_with_a_deployment_are_seen_before_it_is_there_again(
    names: list[str] | None, acts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Afterwards it would look as if a person had deleted the runs, and their tasks would be cancelled."""
    seen: list[str] = []

    async def note(name: str) -> list[str]:
        seen.append(name)
        return []

    def pool(*_: Any) -> Any:
        return note("pool")

    def deployments(*_: Any) -> Any:
        return note("deployments")

    monkeypatch.setattr(bootstrap, "bootstrap", pool)
    monkeypatch.setattr(bootstrap, "deploy", deployments)
    monkeypatch.setattr(bootstrap, "reconcile", lambda settings: seen.append("runs"))
    asyncio.run(bootstrap._main(tmp_path, names))
    assert seen == acts
