"""Loopback is no boundary: other users of the machine and pages of other origins get nothing from a crew."""

import http.server
import json
import os
import queue
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightcrew.crew import dispatch
from nightcrew.errors import BadInput
from tests.attacks.ordinary import OTHER_USER, run_as_another_user
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGE = Path(__file__).with_name("other_user.html").read_text()


@pytest.fixture
def at_work(crew: RunningCrew) -> Iterator[str]:
    """A task whose model takes long, so that its door is open."""
    queued = crew.submit("Describe what it costs, slowly.", models=["twin/slow"])
    deadline = time.monotonic() + 60
    while not (doors := sockets("gateway.sock")):
        assert time.monotonic() < deadline, crew.get(queued.task_id)
        time.sleep(0.2)
    yield doors[0]
    dispatch.cancel(crew.settings, queued.task_id)


def sockets(name: str) -> list[str]:
    """Paths of listening UNIX sockets that end in `name`."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return [path for line in lines if (path := line.split()[-1]).endswith(f"/{name}")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_gets_nothing(crew: RunningCrew, at_work: str, tmp_path: Path) -> None:
    home = crew.status.home
    found = {
        "port": port_of(crew),
        "sockets": [at_work, str(home / "postgres" / ".s.PGSQL.5432")],
        "home": str(home),
        "processes": [*crew.status.alive.values(), crew.status.database_pid],
    }
    script = Path(__file__).with_name("other_user.py").read_text()
    result = run_as_another_user(script, json.dumps(found))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "user": OTHER_USER,
        "api": [],
        "websockets": [],
        "sockets": [],
        "files": [],
    }


def test_the_operator_himself_gets_in_where_another_user_does_not(crew: RunningCrew) -> None:
    """The other test would pass with a server that answers nobody."""
    assert crew.api.post("/flow_runs/filter", {}) is not None
    listed = crew.prefect("work-pool", "ls")
    assert listed.returncode == 0 and "nightcrew" in listed.stdout
    assert stat.S_IMODE(crew.status.home.stat().st_mode) == 0o700


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_page_of_another_origin_gets_nothing(crew: RunningCrew, tmp_path: Path) -> None:
    port = port_of(crew)
    found = visit(PAGE.replace("PORT", str(port)), tmp_path / "profile")
    assert found["got"] == []
    assert set(found["tried"]) == {
        *("health", "runs", "simple", "guessed", "with cookies", "/events/out", "/logs/out", "frame")
    }


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_name_that_was_made_to_lead_here_gets_nothing_and_the_own_page_is_shown(
    crew: RunningCrew, tmp_path: Path
) -> None:
    port = port_of(crew)
    rebound = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
    shown = browse(f"http://rebound.example:{port}/api/health", tmp_path / "two", rebound)
    assert f"this server is called 127.0.0.1:{port}" in shown
    own = browse(f"http://127.0.0.1:{port}/login", tmp_path / "three")
    assert 'type="password"' in own


@pytest.mark.parametrize(
    "asked",
    [
        {"command": "touch {mark}"},
        {"env": {"PYTHONSTARTUP": "x"}},
        {"working_dir": "/tmp"},
        {"preload": ["this"]},
    ],
)
def test_a_run_that_would_choose_what_is_executed_fails_before_anything_is(
    crew: RunningCrew, tmp_path: Path, asked: dict[str, Any]
) -> None:
    """Even by somebody who has the password."""
    mark = tmp_path / "executed"
    variables = json.loads(json.dumps(asked).replace("{mark}", str(mark)))
    deployment = crew.api.get("/deployments/name/sync-ledger/frequent")
    body = {"job_variables": variables, "state": {"type": "SCHEDULED"}}
    made = crew.api.post(f"/deployments/{deployment['id']}/create_flow_run", body)
    run = ended(crew, made["id"])
    assert (run["state"]["type"], run["state"]["name"]) == ("FAILED", "Refused"), run["state"]
    assert f"job variables {next(iter(asked))} decide" in run["state"]["message"]
    assert not mark.exists()


@pytest.mark.parametrize(
    "repo", ["https://me:{token}@host.example/x", "https://{token}@host.example/x", "ssh://me:{token}@host/x"]
)
def test_a_run_that_carries_a_token_is_not_taken_by_the_server(crew: RunningCrew, repo: str) -> None:
    """What Prefect once stored, it shows to whoever may look; so it refuses it before."""
    token = "canary-of-a-payload-0123456789"
    task = crew.task("Describe it.").model_dump(mode="json", exclude_none=True)
    deployment = crew.api.get("/deployments/name/run-task/normal")
    parameters = {"task": {**task, "repo": repo.format(token=token)}}
    with pytest.raises(BadInput, match="Prefect refused"):
        crew.api.post(f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
    runs = crew.api.post("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_DESC", "limit": 50})
    assert token not in json.dumps(runs)


def test_no_deployment_but_ours_is_run(crew: RunningCrew, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    ours = crew.api.get("/deployments/name/sync-ledger/frequent")
    step = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {mark}"}}
    theirs = crew.api.post(
        "/deployments/",
        {
            "name": "theirs",
            "flow_id": ours["flow_id"],
            "entrypoint": "evil.py:flow",
            "pull_steps": [step],
            "work_pool_name": "nightcrew",
        },
    )
    made = crew.api.post(f"/deployments/{theirs['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    assert "only Nightcrew's own flows" in ended(crew, made["id"])["state"]["message"]
    changed = {"pull_steps": [step], "entrypoint": "flows.sync_ledger.sync_ledger"}
    crew.api.patch(f"/deployments/{theirs['id']}", changed)
    made = crew.api.post(f"/deployments/{theirs['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    assert ended(crew, made["id"])["state"]["type"] == "COMPLETED"  # our flow, without their steps
    assert not mark.exists()


# ---------------------------------------------------------------------------------------------------------


def port_of(crew: RunningCrew) -> int:
    return int(crew.status.api_url.rsplit(":")[-1].split("/")[0])


def ended(crew: RunningCrew, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 90
    while True:
        run: dict[str, Any] = crew.api.get(f"/flow_runs/{run_id}")
        if run["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
            return run
        assert time.monotonic() < deadline, run["state"]
        time.sleep(0.2)


def visit(page: str, profile: Path) -> dict[str, Any]:
    """What a page of somebody else's tells its own server when a browser shows it."""
    found: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(page)

        def do_POST(self) -> None:
            found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer("")

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        quiet = subprocess.DEVNULL
        browser = subprocess.Popen([*chromium(profile), url], stdout=quiet, stderr=quiet)
        try:
            return found.get(timeout=60)
        finally:
            browser.terminate()
            browser.wait(20)
            server.shutdown()


def browse(url: str, profile: Path, *options: str) -> str:
    """The page as it is once its scripts have run."""
    shown = [*chromium(profile), *options, "--timeout=20000", "--virtual-time-budget=20000"]
    command = [*shown, "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


def chromium(profile: Path) -> list[str]:
    assert CHROMIUM is not None
    return [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-extensions", f"--user-data-dir={profile}"),
    ]
