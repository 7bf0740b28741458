"""What cannot wait until morning reaches a person: events, the automation, a webhook on loopback."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from blocks.messages import Email, SignedWebhook
from deployments.automations import EACH, NOTIFY, NOTIFY_BLOCK, TASKS_BLOCK, make_automations
from nightcrew.crew import dispatch
from nightcrew.crew import stop as crew_stop
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import BadInput
from nightcrew.openrouter.books.account import resume_crew, stop_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.queue.state_store import StateStore
from nightcrew.signature import HEADER, Receiver
from tests.blocks.receivers import Letterbox, letterbox
from tests.flows.conftest import RunningCrew
from tests.flows.test_review import ask

pytestmark = pytest.mark.flows

SECRET = "a secret of sixteen"


class Ears:
    """An HTTP server on loopback that remembers what it received."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.signed: list[tuple[bytes, str]] = []
        ears = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ears.heard.append(json.loads(body) | {"path": self.path})
                ears.signed.append((body, self.headers.get(HEADER, "")))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def about(self, word: str, path: str, seconds: float = 30) -> dict[str, str]:
        deadline = time.monotonic() + seconds
        while not (found := [one for one in self.heard if word in str(one) and one["path"] == path]):
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.1)
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    thread = threading.Thread(target=ears.server.serve_forever, daemon=True)
    thread.start()
    yield ears
    ears.server.shutdown()
    ears.server.server_close()
    thread.join()


@pytest.fixture
def prefect_server(crew: RunningCrew) -> Iterator[None]:
    with crew.as_client():
        yield
        asyncio.run(_forget())
        asyncio.run(_make())


@contextmanager
def stopped(crew: RunningCrew, message: str) -> Iterator[None]:
    """The crew's account as the gateway leaves it when the provider refuses the key."""
    account = account_of(crew.settings)
    with StateStore(ensure_database(crew.settings)) as store:
        stop_crew(store, account, fault="unauthorized", message=message)
        try:
            yield
        finally:
            assert resume_crew(store, account)


async def _make() -> list[str]:
    async with get_client() as client:
        return await make_automations(client)


async def _forget() -> None:
    async with get_client() as client:
        for block in await client.read_block_documents():
            if block.name in {NOTIFY_BLOCK, TASKS_BLOCK}:
                await client.delete_block_document(block.id)


async def _configure(url: str) -> None:
    """What an operator does in the UI: a webhook, and a notification block, both of the agreed name."""
    await Webhook(url=SecretStr(f"{url}/webhook")).asave(NOTIFY_BLOCK, overwrite=True)
    block = CustomWebhookNotificationBlock(
        name="loopback",
        url=f"{url}/notify",
        json_data={"subject": "{{subject}}", "message": "{{body}}"},
        headers=None,
        cookies=None,
    )
    await block.asave(NOTIFY_BLOCK, overwrite=True)


def test_nothing_configured_makes_no_automation(crew: RunningCrew, prefect_server: None) -> None:
    assert asyncio.run(_make()) == []
    names = [one["name"] for one in crew.api.post("/automations/filter", {})]
    assert NOTIFY not in names and len(names) == 1


def test_a_webhook_hears_of_a_question_a_budget_and_a_stop_once(
    crew: RunningCrew, prefect_server: None, ears: Ears
) -> None:
    asyncio.run(_configure(ears.url))
    assert asyncio.run(_make()) == [f"created automation {NOTIFY!r}"]
    assert asyncio.run(_make()) == [], "making it twice changes nothing"
    time.sleep(3)  # the server's triggers have heard of it

    asked = ask(crew, "Write a rebate and tell me.")
    outcome = ears.about(asked.task_id, "/webhook")
    assert outcome["event"] == "nightcrew.task.needs-review"
    assert f"nightcrew review {asked.task_id}" in outcome["message"]
    outcome = ears.about(asked.task_id, "/notify")
    assert outcome["subject"] == "Nightcrew: nightcrew.task.needs-review"
    dispatch.cancel(crew.settings, asked.task_id)

    poor = [crew.submit(f"Say it for nothing, {number}.", max_cost_usd="0") for number in range(2)]
    for queued in poor:
        ended = crew.ended(queued.task_id)
        assert ended.failure_reason == "budget", ended.detail
    assert ears.about("nightcrew.budget.reached", "/webhook")["message"].startswith("Task t-")
    time.sleep(3)
    ears.about("nightcrew.budget.reached", "/webhook")

    with stopped(crew, "the key is refused"):
        queued = crew.submit("Say it while the crew is stopped.")
        crew.until(queued.task_id, lambda task: task.detail.startswith("The crew is stopped"))
    crew_stop.resume(crew.settings)
    outcome = ears.about("nightcrew.crew.stopped", "/webhook")
    assert outcome["message"] == "The crew stopped: the key is refused"

    asyncio.run(_forget())
    assert asyncio.run(_make()) == [f"removed automation {NOTIFY!r}"]


async def _configure_tasks(url: str, mail_port: int) -> None:
    signed = SignedWebhook(url=SecretStr(f"{url}/tasks"), secret=SecretStr(SECRET))
    await signed.asave(TASKS_BLOCK, overwrite=True)
    email = Email(
        server="127.0.0.1", port=mail_port, encrypted=False, sender="crew@example.org", to=["ada@example.org"]
    )
    await email.asave(NOTIFY_BLOCK, overwrite=True)
    await Webhook(url=SecretStr(f"{url}/person")).asave(NOTIFY_BLOCK, overwrite=True)


def test_a_program_hears_of_each_task_and_a_person_gets_the_digest(
    crew: RunningCrew, prefect_server: None, ears: Ears
) -> None:
    with letterbox() as box:
        asyncio.run(_configure_tasks(ears.url, box.port))
        _hears_and_gets(crew, ears, box)


def _hears_and_gets(crew: RunningCrew, ears: Ears, box: Letterbox) -> None:
    assert asyncio.run(_make()) == [f"created automation {NOTIFY!r}", f"created automation {EACH!r}"]
    time.sleep(3)  # the server's triggers have heard of it
    queued = crew.submit("Say what it costs, for the digest.", deliver="branch")
    ended = crew.ended(queued.task_id)
    assert ended.status == "completed", ended.detail
    wanted = {"nightcrew.task.completed", "nightcrew.task.delivered"}
    deadline = time.monotonic() + 30
    while wanted != {one["event"] for one in ears.heard if queued.task_id in one["message"]}:
        assert time.monotonic() < deadline, ears.heard
        time.sleep(0.2)
    digest = crew.api.get("/deployments/name/send-digest/morning")
    crew.api.post(f"/deployments/{digest['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    message = ears.about("nightcrew.digest", "/person", 60)["message"]
    assert message.startswith("Nightcrew since ") and queued.task_id in message
    assert not [one for one in ears.heard if one["path"] == "/person" and "completed" in one["event"]]
    assert f"{crew.status.dashboard_url}tasks/{queued.task_id}" in message
    deadline = time.monotonic() + 30
    while not (letters := [text for to, text in box.letters if to == ["ada@example.org"]]):
        assert time.monotonic() < deadline, "no letter has come"
        time.sleep(0.2)
    assert "Subject: Nightcrew: nightcrew.digest" in letters[0] and queued.task_id in letters[0]
    receiver = Receiver(SECRET)
    signed = [(body, given) for body, given in ears.signed if given]
    events = [receiver.read(body, given) for body, given in signed]
    assert {one["event"] for one in events if one["task"] == queued.task_id} == wanted
    with pytest.raises(BadInput, match="read before"):
        receiver.read(*signed[0])
