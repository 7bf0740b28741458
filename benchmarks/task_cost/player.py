"""A crew of one version of the code that does one task after the other, run with the Python of its checkout.

    TREE/.venv/bin/python player.py HOME URL REPOSITORY

Each line of standard input is JSON and answered by one: a task's fields; {"steps": RUN}; the word "stock",
after which Prefect's own process worker runs the same flow; or a number of seconds for which it looks after
the services, as `run-engine` does. It imports only what each version since c4e3cd1 has, which had the crew's
modules in `nightcrew.worker`.
"""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from nightcrew.settings import load_settings
from nightcrew.task import Task

CREW = "nightcrew.crew" if importlib.util.find_spec("nightcrew.crew") else "nightcrew.worker"
POOL = "stock"
GIVE_UP_SECONDS = 600.0


def main(home: Path, url: str, repository: str) -> None:
    """Play until standard input ends."""
    services = importlib.import_module(f"{CREW}.services")
    ports = importlib.import_module(f"{CREW}.processes")
    settings = load_settings(home=home, base_url=url, api_key="twin", prefect_port=ports.free_port(0))
    with services.running_crew(settings, workers=1) as crew:
        print(json.dumps("ready"), flush=True)
        _play(settings, crew, repository)


def _play(settings: Any, crew: Any, repository: str) -> None:
    with ExitStack() as resources:
        for line in sys.stdin:
            wanted: Any = json.loads(line)
            if wanted == "stock":
                resources.enter_context(_stock_worker(settings, crew))
                answer: object = "ready"
            elif isinstance(wanted, float):
                importlib.import_module(f"{CREW}.upkeep").keep_up(settings, lambda _: None, seconds=wanted)
                answer = "ready"
            elif "steps" in wanted:
                answer = _steps(crew, wanted["steps"])
            else:
                answer = _done(settings, crew, Task.model_validate({**wanted, "repo": repository}))
            print(json.dumps(answer), flush=True)


def _done(settings: Any, crew: Any, task: Task) -> Mapping[str, Any]:
    """How the task ended and the id of its run, once Prefect has put the run away."""
    dispatch = importlib.import_module(f"{CREW}.dispatch")
    api, deadline = crew.api(), time.monotonic() + GIVE_UP_SECONDS
    with dispatch.open_queue(settings) as queue:
        dispatch.submit(settings, task)
        while not (now := queue.get(task.task_id)).status.is_final and time.monotonic() < deadline:
            time.sleep(0.2)
    while (run := api.get(f"/flow_runs/{now.flow_run_id}"))[
        "state_type"
    ] != "COMPLETED" and time.monotonic() < deadline:
        time.sleep(0.3)
    return {"status": str(now.status), "detail": now.detail, "run": run["id"]}


def _steps(crew: Any, run: str) -> Sequence[Sequence[Any]]:
    """Name, start and end of each step of a run; Prefect knows them a moment after its end."""
    found = crew.api().post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    return [
        [one["name"].rpartition("-")[0], _moment(one["start_time"]), _moment(one["end_time"])]
        for one in found
    ]


@contextmanager
def _stock_worker(settings: Any, crew: Any) -> Iterator[None]:
    """Let the normal deployment's runs be started by Prefect's process worker."""
    launching = importlib.import_module(f"{CREW}.launching")
    environment = importlib.import_module(f"{CREW}.environment")
    database = importlib.import_module(f"{CREW}.storage.database").open_database(settings)
    env = environment.worker_environment(launching.environment_of(settings, crew, database))
    prefect = Path(sys.executable).with_name("prefect")
    subprocess.run(
        [prefect, "work-pool", "create", POOL, "--type", "process"],
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    api = crew.api()
    deployment = api.get("/deployments/name/run-task/normal")
    api.patch(f"/deployments/{deployment['id']}", {"work_pool_name": POOL, "path": crew.project})
    words = [
        sys.executable,
        "-m",
        "prefect",
        "worker",
        "start",
        "--pool",
        POOL,
        "--type",
        "process",
        "--limit",
        "1",
    ]
    worker = subprocess.Popen(
        words,
        env={**env, "PREFECT_WORKER_QUERY_SECONDS": "2"},
        cwd=crew.project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not api.post(f"/work_pools/{POOL}/workers/filter", {}):
            time.sleep(0.3)
        yield
    finally:
        worker.terminate()
        worker.wait(60)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
