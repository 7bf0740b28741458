"""The real SDK on the other side of the door: cost, sizes, and no retries where they would be useless."""

import json
from pathlib import Path
from typing import Any

import pytest

from nightcrew.execution.sandbox import WORKSPACE, Limits, Mount, open_sandbox
from nightcrew.openhands.runtime import agent_runtime, inside_mounts
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.gateway import Gateway
from nightcrew.settings import SandboxKind, Settings
from nightcrew.testing.scenario import Account, Fault, FaultKind
from tests.openrouter.conftest import KEY, USD, MakeCrew, free, paid

pytestmark = pytest.mark.agent


def sdk_calls(folder: Path, *doors: tuple[Gateway, bool]) -> list[dict[str, Any]]:
    request = {
        "state_dir": WORKSPACE,
        "doors": [
            {"socket": f"/run/door-{number}", "token": door.token, "model": door.model, "stream": stream}
            for number, (door, stream) in enumerate(doors)
        ],
    }
    sandbox = open_sandbox(SandboxKind.BUBBLEWRAP)
    runtime = agent_runtime(Settings(), sandbox)
    done = sandbox.run(
        [str(runtime.python), "-I", "-c", Path(__file__).with_name("sdk_call.py").read_text()],
        workspace=folder,
        mounts=(
            *inside_mounts(runtime),
            *(Mount(door.socket_path, f"/run/door-{number}") for number, (door, _) in enumerate(doors)),
        ),
        stdin=json.dumps(request).encode(),
        limits=Limits(wall_seconds=120),
    )
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("SEEN ")]
    assert lines, done.stderr[-2000:]
    seen: list[dict[str, Any]] = json.loads(lines[-1][5:])
    return seen


class Counting:
    """Counts the chat requests that reach a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.count = 0
        self.gateway = gateway
        inner = gateway.dispatcher.complete

        def complete(request: Any) -> dict[str, Any]:
            self.count += 1
            return inner(request)

        gateway.dispatcher.complete = complete  # type: ignore[method-assign, assignment]


def test_the_sdk_gets_answer_cost_and_context(crew: MakeCrew, tmp_path: Path) -> None:
    c = crew(paid(context_length=60_000))
    for seen in sdk_calls(tmp_path, (c.gateway(), False), (c.gateway(), True)):
        assert seen.get("text"), seen
        assert seen["context"] == 60_000
        assert USD(str(seen["cost"])) == c.calls[0].cost_usd == c.calls[1].cost_usd


def test_the_sdk_does_not_retry_a_shut_door(crew: MakeCrew, tmp_path: Path) -> None:
    kinds = [
        FaultKind.NO_TOOL_USE,
        FaultKind.CONTEXT_LENGTH,
        FaultKind.SERVER_ERROR,
        FaultKind.RATE_LIMIT_DAY,
        FaultKind.PAYMENT_REQUIRED,
    ]
    names = [f"m{number}" for number in range(len(kinds))]
    c = crew(
        *(free(name) for name in names),
        paid(),
        faults=[
            Fault(kind=kind, models=(f"house/{name}:free",)) for kind, name in zip(kinds, names, strict=True)
        ],
        account=Account(api_key=KEY, free_per_minute=1000),
    )
    counting = [
        Counting(c.gateway("house/gamma", budgets=Budgets(task_usd=USD(0)))),
        Counting(c.gateway("house/gamma", budgets=Budgets(calls=0))),
        *(Counting(c.gateway(f"house/{name}:free")) for name in names),
    ]
    answers = sdk_calls(tmp_path, *((each.gateway, False) for each in counting))
    for each, seen in zip(counting, answers, strict=True):
        assert "error" in seen, seen
        assert each.gateway.usage().stopped
        assert each.count == 1, seen
