"""The twin and the example project of one version of the code, run with the Python of its checkout.

    TREE/.venv/bin/python stage.py FOLDER LATENCY_SECONDS MODEL

Makes the repository in FOLDER, prints one line of JSON (the twin's address and a task of each type), and
serves until its standard input is closed. It imports only what each version since c4e3cd1 has.
"""

import json
import sys
from pathlib import Path

from nightcrew.cli.demo.parts import make_repository
from nightcrew.testing.demo_tasks import shipped_tasks
from nightcrew.testing.scenario import shipped_scenario
from nightcrew.testing.twin import Twin


def main(folder: Path, latency: float, model: str) -> None:
    """Serve."""
    shipped = shipped_scenario()
    models = tuple(
        one.model_copy(update={"latency_seconds": latency}) for one in shipped.models if one.id == model
    )
    repository = make_repository(folder / "stockroom")
    tasks: dict[str, dict[str, str]] = {}
    for one in shipped_tasks():
        kept = {name: one.task[name] for name in ("target_file", "description")}
        tasks.setdefault(one.task["task_type"], kept)
    with Twin(shipped.model_copy(update={"models": models, "faults": ()})) as twin:
        print(
            json.dumps({"url": twin.base_url, "repository": str(repository), "tasks": tasks}),
            flush=True,
        )
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
