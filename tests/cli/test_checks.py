"""What `doctor` says of a crew's services."""

import os
from pathlib import Path

from nightcrew.cli.checks import Level, _services
from nightcrew.crew.processes import ProcessId
from nightcrew.crew.status import ServiceStatus, write_status
from nightcrew.settings import load_settings


def test_a_host_that_has_joined_needs_no_server_of_its_own(tmp_path: Path) -> None:
    url, worker = "http://10.0.0.5:4257/api", ProcessId.of(os.getpid())
    write_status(ServiceStatus(tmp_path, api_url=url, processes={"worker": worker}, is_joined=True))
    server, working = _services(load_settings(home=tmp_path))
    assert (server.level, server.finding) == (Level.OK, "on another host, http://10.0.0.5:4257")
    assert working.level is Level.OK
