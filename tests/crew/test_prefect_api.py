"""What is asked of a server that is not there."""

from pathlib import Path

import pytest

from nightcrew.crew.status import ServiceStatus
from nightcrew.errors import Transient


def test_a_crew_that_was_stopped_meanwhile_has_no_server(tmp_path: Path) -> None:
    """As when `stop-engine` ends the services while a pass of the upkeep is under way."""
    api = ServiceStatus(home=tmp_path).api()
    with pytest.raises(Transient, match="no Prefect server of this crew is running"):
        api.post("/flow_runs/filter", {})
    assert not api.healthy()
