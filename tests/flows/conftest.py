"""One crew for all tests that need a Prefect server: twin, PostgreSQL, server and worker are started once."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nightcrew.crew import dispatch, services
from nightcrew.crew.api_access import password_of
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import free_port
from nightcrew.crew.status import ServiceStatus
from nightcrew.crew.storage.database import ensure_database
from nightcrew.queue.audit.line import Act
from nightcrew.queue.audit.log import entries
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, load_settings
from nightcrew.task import Task
from nightcrew.testing.scenario import Scenario
from nightcrew.testing.twin import Twin

KEY = "sk-or-v1-flows-a-key-that-is-easy-to-find"
SHELL_CANARY = "canary-of-the-shell-that-started-the-crew-01"
ENV_CANARY = "canary-of-the-repository-0123456789"
DOTENV = f"SERVICE={ENV_CANARY}\n"
PRICING = """\
def price(pieces: int, each: float) -> float:
    if pieces < 0:
        raise ValueError("pieces must not be negative")
    if pieces >= 10:
        return pieces * each * 0.9
    return pieces * each
"""
DOCUMENTED = PRICING.replace(
    "-> float:\n", '-> float:\n    """The price of `pieces` at `each`, ten or more a tenth cheaper."""\n', 1
)
DOCUMENTED_AGAIN = DOCUMENTED.replace(
    "ten or more a tenth cheaper.", "and from ten on a tenth less for all of them."
)
GOOD_TEST = """\
import pytest

from pricing import price


def test_few_pieces_cost_their_sum():
    assert price(3, 2.0) == 6.0


def test_ten_pieces_are_a_tenth_cheaper():
    assert price(10, 2.0) == 18.0
    assert price(9, 2.0) == 18.0


def test_nothing_costs_nothing():
    assert price(0, 5.0) == 0.0


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        price(-1, 1.0)
"""
LOYALTY = """\
def rebate(years: int) -> float:
    if years >= 5:
        return 0.1
    return 0.0
"""
LOYALTY_TEST = """\
from loyalty import rebate


def test_five_years_are_worth_a_tenth():
    assert rebate(5) == 0.1
    assert rebate(9) == 0.1


def test_fewer_years_are_worth_nothing():
    assert rebate(4) == 0.0
    assert rebate(0) == 0.0
"""
VACUOUS_TEST = "from pricing import price\n\n\ndef test_it_runs():\n    price(3, 2.0)\n"


def _model(name: str, character: str, **more: object) -> dict[str, object]:
    return {"id": f"twin/{name}", "character": character, "coding_index": 40.0, **more}


SCENARIO = {
    "name": "flows",
    "account": {"api_key": KEY, "free_per_minute": 1000, "free_per_day": 10000},
    "models": [
        _model("capable", "capable", price={"prompt": "0.0000001", "completion": "0.0000002"}),
        _model("lazy:free", "lazy"),
        _model("diligent:free", "capable"),
        _model("slow", "capable", latency_seconds=30.0),
        _model("broken", "capable"),
    ],
    "faults": [{"kind": "bad_gateway", "models": ["twin/broken"]}],
    "solutions": [
        {
            "match": {"task_type": "documentation", "contains": "Say what happens at ten"},
            "good": {"pricing.py": DOCUMENTED_AGAIN},
        },
        {
            "match": {"task_type": "documentation"},
            "good": {"pricing.py": DOCUMENTED},
            "vacuous": {"pricing.py": PRICING + "\n# well documented\n"},
        },
        {  # without tests and without an acceptance command nobody can say whether new code works
            "match": {"task_type": "code_generation"},
            "good": {"loyalty.py": LOYALTY, "tests/test_loyalty.py": LOYALTY_TEST},
            "vacuous": {"loyalty.py": LOYALTY},
        },
        {  # the lazy one touches what nobody may
            "match": {"task_type": "refactoring"},
            "good": {"pricing.py": PRICING},
            "vacuous": {".env": DOTENV + "DEBUG=1\n"},
        },
        {
            "match": {"task_type": "unit_test"},
            "good": {"tests/test_pricing.py": GOOD_TEST},
            "vacuous": {"tests/test_pricing.py": VACUOUS_TEST},
        },
    ],
}


@dataclass(frozen=True)
class RunningCrew:
    """The session's crew, and what tests ask of it."""

    settings: Settings
    status: ServiceStatus
    twin: Twin
    repo: Path

    @property
    def api(self) -> PrefectApi:
        return self.status.api()

    def task(self, description: str, **values: object) -> Task:
        """A documentation task for the capable model, unless the arguments differ."""
        given = {
            "description": description,
            "repo": str(self.repo),
            "task_type": "documentation",
            "target_file": "pricing.py",
            "executor": "direct",
            "models": ["twin/capable"],
            **values,
        }
        return Task.model_validate(given)

    def submit(self, description: str, **values: object) -> QueuedTask:
        return dispatch.submit(self.settings, self.task(description, **values))

    def get(self, task_id: str) -> QueuedTask:
        with dispatch.open_queue(self.settings) as queue:
            return queue.get(task_id)

    def ended(self, task_id: str, *, seconds: float = 120) -> QueuedTask:
        """The task once it has ended, which it must within `seconds`."""
        return self.until(task_id, lambda queued: queued.ended_at is not None, seconds=seconds)

    def until(self, task_id: str, true: Callable[[QueuedTask], bool], *, seconds: float = 120) -> QueuedTask:
        deadline = time.monotonic() + seconds
        while not true(queued := self.get(task_id)):
            assert time.monotonic() < deadline, f"still {queued.status}: {queued.detail}"
            time.sleep(0.2)
        return queued

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For the length of a block the worker takes no run."""
        self.api.patch("/work_pools/nightcrew", {"is_paused": True})
        try:
            yield
        finally:
            self.api.patch("/work_pools/nightcrew", {"is_paused": False})

    def set_state(self, queued: QueuedTask, kind: str, name: str, **details: object) -> None:
        """Set the state of the task's flow run, whatever it was."""
        state = {"type": kind, "name": name, "state_details": details}
        self.api.post(f"/flow_runs/{queued.flow_run_id}/set_state", {"state": state, "force": True})

    def audit(self, act: Act, about: str) -> list[dict[str, Any]]:
        """The lines of the audit log of this act about this, the oldest first."""
        with StateStore(ensure_database(self.settings)) as store, store.engine.connect() as connection:
            return [json.loads(one.line) for one in entries(connection, act=act, about=about)]

    def run(self, queued: QueuedTask) -> dict[str, Any]:
        """The task's flow run once Prefect says that it has ended."""
        deadline = time.monotonic() + 60
        while True:
            run: dict[str, Any] = self.api.get(f"/flow_runs/{queued.flow_run_id}")
            if run["state_type"] in {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}:
                return run
            assert time.monotonic() < deadline, run["state"]
            time.sleep(0.2)

    @contextmanager
    def as_client(self) -> Iterator[None]:
        """For the length of a block Prefect's own client in this process speaks with the crew's server."""
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

        password = password_of(self.settings.home)
        with temporary_settings({PREFECT_API_URL: self.status.api_url, PREFECT_API_AUTH_STRING: password}):
            yield

    def prefect(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Prefect's own command line, as CI would use it."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        env |= {"PREFECT_HOME": str(self.settings.home / "prefect")}
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        return subprocess.run(
            command,
            env=env,
            cwd=self.status.project,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


@pytest.fixture(scope="session")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCrew]:
    base = tmp_path_factory.mktemp("crew")
    repo = make_repo(base / "repo")
    with Twin(Scenario.model_validate(SCENARIO)) as twin, _no_settings_of_the_caller():
        settings = load_settings(
            home=base / "home",
            base_url=twin.base_url,
            api_key=KEY,
            prefect_port=free_port(0),
            workers=3,
            attempt_seconds=400,
            log_format="json",
        )
        with services.running_crew(settings) as status:
            yield RunningCrew(settings, status, twin, repo)


@pytest.fixture
def settings(tmp_path: Path, crew: RunningCrew) -> Iterator[Settings]:
    """A second crew, with the same twin."""
    own = load_settings(
        home=tmp_path / "home",
        prefect_port=free_port(0),
        workers=1,
        base_url=crew.twin.base_url,
        api_key=KEY,
    )
    yield own
    services.stop(own)


@contextmanager
def _no_settings_of_the_caller() -> Iterator[None]:
    """Of the caller's variables none is ours, and one is a secret that is none of the crew's business."""
    kept = {
        key: os.environ.pop(key) for key in list(os.environ) if key.startswith(("NIGHTCREW_", "OPENROUTER"))
    }
    os.environ["AWS_SECRET_ACCESS_KEY"] = SHELL_CANARY
    try:
        yield
    finally:
        del os.environ["AWS_SECRET_ACCESS_KEY"]
        os.environ.update(kept)


def make_repo(path: Path) -> Path:
    """A git repository with something to document and to test."""
    (path / "tests").mkdir(parents=True)
    (path / "pricing.py").write_text(PRICING)
    (path / "nightcrew.toml").write_text('analysis = "accept"\ndocumentation = "accept"\n')
    (path / ".env").write_text(DOTENV)
    (path / "tests" / "test_smoke.py").write_text("def test_smoke():\n    assert True\n")
    git = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    return path


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """When the session is over, no process works in its folders any more."""
    yield
    import psutil

    base = str(tmp_path_factory.getbasetemp())
    left = [
        process.info
        for process in psutil.process_iter(["pid", "cmdline", "status"])
        if process.pid != os.getpid()  # its own command can name the folder
        and base in " ".join(process.info["cmdline"] or ())
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
    assert not left, left
