"""One step of a flow: what is retried, what is not, and where its log lines go."""

import asyncio
from collections.abc import Iterator

import pytest
from prefect import flow

from flows.steps import model_limit, step
from nightcrew.errors import BadInput, NightcrewError, Rejected, Transient
from tests.flows.conftest import RunningCrew


@pytest.fixture
def server(crew: RunningCrew) -> Iterator[None]:
    with crew.as_client():
        yield


class Work:
    """Fails `times` times with one error, then succeeds."""

    def __init__(self, error: NightcrewError, times: int) -> None:
        self.error, self.left, self.calls = error, times, 0

    def do(self, word: str) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return word.upper()


async def run(work: Work, *, retries: int = 3) -> str:
    @flow
    async def try_it() -> str:
        return await step(work.do, name="do", retries=retries, first_wait_seconds=0.05)("done")

    return await try_it()


@pytest.mark.flows
def test_a_transient_fault_is_tried_again(server: None) -> None:
    work = Work(Transient("busy"), times=2)
    assert asyncio.run(run(work)) == "DONE"
    assert work.calls == 3


@pytest.mark.flows
def test_it_is_not_tried_for_ever(server: None) -> None:
    work = Work(Transient("busy"), times=99)
    with pytest.raises(Transient, match="busy"):
        asyncio.run(run(work, retries=1))
    assert work.calls == 2


@pytest.mark.flows
@pytest.mark.parametrize("error", [BadInput("wrong"), Rejected("no good")])
def test_nothing_else_is_tried_again(server: None, error: NightcrewError) -> None:
    work = Work(error, times=1)
    with pytest.raises(type(error)):
        asyncio.run(run(work))
    assert work.calls == 1


@pytest.mark.parametrize(
    ("slug", "name"),
    [("qwen/qwen3-coder", "model-qwen-qwen3-coder"), ("a/B_c.1:free", "model-a-b-c.1-free")],
)
def test_a_models_limit_has_a_plain_name(slug: str, name: str) -> None:
    assert model_limit(slug) == name
