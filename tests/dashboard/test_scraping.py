"""Debian's Prometheus reads the metrics of a crew with the shipped rules, and raises the alarm."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import uvicorn

from nightcrew.crew.api_access import make_password
from nightcrew.crew.processes import free_port
from nightcrew.dashboard.app import dashboard
from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.queue.state_store import StateStore
from nightcrew.settings import Settings
from tests.dashboard.test_prometheus import MONITORING

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Debian's prometheus is not installed"
)
PATIENCE_SECONDS = 60.0


@pytest.fixture
def crew(night_ledger: Path, tmp_path: Path, store: StateStore) -> Settings:
    """A crew with the ledger of a night."""
    settings = Settings(home=tmp_path / "home", database_url=store.engine.url.render_as_string(False))
    settings.home.mkdir()
    shutil.copytree(night_ledger, settings.ledger_dir)
    return settings


@pytest.fixture
def server(crew: Settings) -> Iterator[uvicorn.Server]:
    """The crew's server, at a free port."""
    config = uvicorn.Config(dashboard(crew), host="127.0.0.1", port=free_port(0), log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    make_password(crew.home)
    thread.start()
    yield server
    server.should_exit = True
    thread.join()


@pytest.fixture
def ask(crew: Settings, server: uvicorn.Server, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Asks a Prometheus with the shipped configuration, but for the times in it."""
    password = tmp_path / "password"
    password.write_text(make_password(crew.home).partition(":")[2])
    text = (MONITORING / "prometheus.yml").read_text().replace("30s", "1s")
    text = text.replace("/etc/prometheus/nightcrew-password", str(password))
    text = text.replace("127.0.0.1:4257", f"127.0.0.1:{server.config.port}")
    (tmp_path / "prometheus.yml").write_text("global: {evaluation_interval: 1s}\n" + text)
    rules = (MONITORING / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(re.sub(r"for: \d+m", "for: 1s", rules))
    port = free_port(0)
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        env=os.environ | {"GOMAXPROCS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answer(path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as got:
            return json.load(got)["data"]

    try:
        yield answer
    finally:
        process.terminate()
        process.wait(20)


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if found():
                return
        except OSError:  # it is still starting
            pass
        assert time.monotonic() < deadline, "Prometheus has not seen it"
        time.sleep(0.3)


def value(ask: Callable[[str], Any], query: str) -> float | None:
    found = ask(f"query?query={quote(query)}")["result"]
    return float(found[0]["value"][1]) if found else None


def firing(ask: Callable[[str], Any]) -> set[str]:
    return {one["labels"]["alertname"] for one in ask("alerts")["alerts"] if one["state"] == "firing"}


def test_prometheus_has_the_series_and_raises_the_alarm_when_the_crew_stops(
    ask: Callable[[str], Any], server: uvicorn.Server, crew: Settings, store: StateStore
) -> None:
    until(lambda: value(ask, "sum(nightcrew_model_calls_total)") == 8)
    assert value(ask, "sum(nightcrew_attempts_total)") == 6
    assert value(ask, "nightcrew_leases") == 0
    assert value(ask, 'nightcrew_free_calls_left{window="day"}') == crew.free_requests_per_day
    assert value(ask, "sum(nightcrew_call_duration_seconds_count)") is not None
    until(lambda: firing(ask) == set())
    stop_crew(store, account_of(crew), fault="unauthorized", message="the key is refused")
    until(lambda: firing(ask) == {"NightcrewStopped"})
    server.should_exit = True
    until(lambda: "NightcrewDown" in firing(ask))
