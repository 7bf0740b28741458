import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from nightcrew.errors import BadInput
from nightcrew.testing import Account, Change, Fault, FaultKind, Price, ScriptedModel, Twin
from tests.testing.support import FREE, PAID, body, chat, scenario


def test_it_says_what_it_is() -> None:
    with Twin(scenario(name="play")) as twin:
        response = httpx.get(f"http://127.0.0.1:{twin.port}/")
        lost = httpx.get(f"{twin.base_url}/nothing")
    assert response.json()["service"] == "nightcrew-twin"
    assert response.json()["scenario"] == "play"
    for answer in (response, lost):
        assert answer.headers["server"] == answer.headers["x-served-by"] == "nightcrew-twin"
    assert lost.status_code == 404


@pytest.mark.parametrize("path", ["models", "key", "generation?id=x", "chat/completions"])
@pytest.mark.parametrize("key", [None, "Bearer wrong", "Basic right", "right"])
def test_the_accounts_key_is_asked_for(path: str, key: str | None) -> None:
    with Twin(scenario(account=Account(api_key="right"))) as twin:
        method = "POST" if path == "chat/completions" else "GET"
        headers = {"Authorization": key} if key else {}
        url = f"{twin.base_url}/{path}"
        refused = httpx.request(method, url, json=body(), headers=headers)
        let_in = httpx.request(method, url, json=body(), headers={"Authorization": "Bearer right"})
    assert refused.status_code == refused.json()["error"]["code"] == 401
    assert let_in.status_code in {200, 404}


def test_any_key_will_do_where_the_scenario_names_none() -> None:
    with Twin(scenario()) as twin:
        assert chat(twin, body(), Authorization="Bearer whatever").status_code == 200


def test_a_model_vanishes_and_a_price_changes_while_it_runs() -> None:
    costlier = ScriptedModel(id=PAID, price=Price(prompt="0.5"))
    with Twin(scenario()) as twin:
        url = f"http://127.0.0.1:{twin.port}/twin/change"
        change = Change(remove_models=(FREE,), put_models=(costlier,)).model_dump_json()
        assert httpx.post(url, content=change).status_code == 200
        records = httpx.get(f"{twin.base_url}/models").json()["data"]
        gone = chat(twin, body(FREE))
        wrong = httpx.post(url, json={"remove": []})
    assert [(record["id"], record["pricing"]["prompt"]) for record in records] == [(PAID, "0.5")]
    assert gone.status_code == 400
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (
        400,
        "remove: unknown name",
    )


def test_faults_come_and_go_while_it_runs() -> None:
    with Twin(scenario()) as twin:
        twin.change(Change(add_faults=(Fault(kind=FaultKind.OVERLOADED),)))
        assert chat(twin, body()).status_code == 529
        twin.change(Change(faults="clear"))
        assert chat(twin, body()).status_code == 200
        twin.change(Change(account=Account(spent_usd=200)))
        assert chat(twin, body()).status_code == 402


def test_requests_are_kept_and_can_be_asked_for() -> None:
    with Twin(scenario()) as twin:
        chat(twin, body(PAID))
        rows = httpx.get(f"http://127.0.0.1:{twin.port}/twin/requests").json()["data"]
        (seen,) = twin.requests
    assert (seen.asked, seen.served, seen.turn, seen.status) == (PAID, PAID, 1, 200)
    assert seen.body is not None and seen.body["messages"]
    assert [(row["served"], row["generation"]) for row in rows] == [(PAID, seen.generation)]


def test_endpoints_of_a_model() -> None:
    with Twin(scenario()) as twin:
        data = httpx.get(f"{twin.base_url}/models/twin/paid/endpoints").json()["data"]
        missing = httpx.get(f"{twin.base_url}/models/twin/none/endpoints")
    assert [entry["provider_name"] for entry in data["endpoints"]] == ["nightcrew-twin/works"]
    assert missing.status_code == 404


def test_many_at_once_each_get_their_answer_and_all_are_counted() -> None:
    statuses: list[int] = []
    with Twin(scenario(account=Account(free_per_minute=30))) as twin:
        threads = [
            threading.Thread(target=lambda: statuses.append(chat(twin, body()).status_code))
            for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200] * 30 + [429] * 10


def test_an_answer_is_not_held_back() -> None:
    """Nagle's algorithm and delayed acknowledgements together would make every call last 40 ms."""
    took = []
    with Twin(scenario()) as twin, httpx.Client() as client:
        for _ in range(10):
            start = time.monotonic()
            client.post(f"{twin.base_url}/chat/completions", json=body())
            took.append(time.monotonic() - start)
    assert min(took[1:]) < 0.03


def test_two_twins_side_by_side_and_nothing_left_behind() -> None:
    before = set(threading.enumerate())  # another twin may live as long as the session
    with Twin(scenario()) as one, Twin(scenario()) as other:
        assert one.port != other.port
        chat(one, body())
        assert (len(one.requests), len(other.requests)) == (1, 0)
    with pytest.raises(httpx.ConnectError):
        chat(one, body())
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name == "nightcrew-twin"]


def test_a_taken_port_is_bad_input() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match="cannot listen on port"):
            Twin(scenario(), port=taken.getsockname()[1])


FOREGROUND = """
from nightcrew.testing import run_twin, shipped_scenario
run_twin(shipped_scenario(), on_ready=lambda url: print(url, flush=True))
"""


def test_in_the_foreground_until_interrupted() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", FOREGROUND], stdout=subprocess.PIPE, text=True, env=_env()
    )
    try:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert httpx.get(f"{url}/models", timeout=20).json()["total_count"] > 3
        child.send_signal(signal.SIGINT)
        child.wait(20)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
