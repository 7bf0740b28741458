"""After work was done, the key and other secrets lie in no place but their own files."""

import time

import pytest
from pydantic import ValidationError

from nightcrew.cli.task_options import make_task
from nightcrew.crew import dispatch
from nightcrew.task import Task, TaskStatus
from tests.attacks.git_server import GitServer
from tests.flows.canaries import PROLOGUE, Search
from tests.flows.conftest import ENV_CANARY, KEY, SHELL_CANARY, RunningCrew

pytestmark = pytest.mark.flows

URL_CANARY = "canary-in-an-address-0123456789ab"


def test_no_secret_lies_anywhere_but_in_its_file(crew: RunningCrew) -> None:
    done = crew.submit("Describe what it costs, for the canaries.")
    rejected = crew.submit(
        "Tidy up, for the canaries.", task_type="refactoring", models=["twin/lazy:free"], max_attempts=1
    )
    fetched = from_a_server(crew)
    with pytest.raises(ValidationError) as refused:  # the command line takes the token out first
        crew.submit("Describe it elsewhere.", repo=f"https://me:{URL_CANARY}@127.0.0.1:9/shop.git")
    assert URL_CANARY not in refused.value.errors()[0]["msg"]
    assert crew.ended(done.task_id).status is TaskStatus.COMPLETED
    attempt = crew.settings.results_dir / rejected.task_id / "attempt-1" / "attempt.patch"
    assert crew.ended(rejected.task_id).status is TaskStatus.FAILED
    assert "b/.env" in attempt.read_text()  # the canary was where a patch shows it
    assert fetched.repo.startswith("http://127.0.0.1:")
    time.sleep(PROLOGUE)
    canaries = {"key": KEY, "address": URL_CANARY, ".env": ENV_CANARY, "shell": SHELL_CANARY}
    assert Search(crew.settings, crew.status).found(canaries) == []


# ---------------------------------------------------------------------------------------------------------


def from_a_server(crew: RunningCrew) -> Task:
    """A task that was done in a repository which a server gives to who knows the token only."""
    server = GitServer(crew.repo / ".git", URL_CANARY)
    try:
        address = f"http://user:{URL_CANARY}@127.0.0.1:{server.server_port}/"
        values = crew.task("Describe it, from a server.").model_dump(exclude={"repo"})
        task = make_task(crew.settings, {**values, "repo": address})
        assert crew.ended(dispatch.submit(crew.settings, task).task_id).status is TaskStatus.COMPLETED
    finally:
        server.shutdown()
        server.server_close()
    assert server.basic in server.given
    assert server.seen == []
    return task
