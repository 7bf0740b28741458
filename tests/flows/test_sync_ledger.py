"""The nightly upkeep removes old lines of the audit log, as the setting says, and no others."""

import json
from datetime import timedelta
from pathlib import Path

import time_machine

from flows.sync_ledger import prune_audit
from nightcrew.queue.audit.log import entries
from nightcrew.queue.audit.verification import verify
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.settings import load_settings


def test_lines_are_kept_as_long_as_the_setting_says(store: StateStore, tmp_path: Path) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    settings = load_settings(home=tmp_path, database_url=url, keep_audit_days=2)
    for hours, removed in ((47, 0), (49, 1)):
        with time_machine.travel(utc_now() + timedelta(hours=hours)):
            assert prune_audit(settings) == removed
    with store.engine.connect() as connection:
        (line,) = [json.loads(one.line) for one in entries(connection)]
    assert (line["act"], line["details"]["removed"]) == ("prune", 1)
    assert not verify(store).faults
