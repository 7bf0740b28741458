"""The messages are kept as evidence: whole, redacted, and not for ever."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew.openrouter.serving.transcript import FILE_NAME, forget_transcripts
from nightcrew.testing.scenario import Fault, FaultKind
from tests.openrouter.conftest import KEY, MakeCrew, ask, free


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_is_written_once_although_it_is_sent_again_with_each_call(
    crew: MakeCrew, tmp_path: Path, stream: bool
) -> None:
    c = crew(
        free("alpha"), free("beta"), faults=[Fault(kind=FaultKind.BAD_GATEWAY, at_call=(2,), per="account")]
    )
    gateway = c.gateway("house/alpha:free", "house/beta:free", evidence=tmp_path / "evidence")
    messages: list[dict[str, Any]] = []
    for turn in range(3):
        messages.append({"role": "user", "content": f"turn {turn}, with {KEY}"})
        body = {**ask(), "messages": messages}
        list(gateway.dispatcher.stream(body)) if stream else gateway.complete(body)
        messages.append({"role": "assistant", "content": "said"})
    written = lines(tmp_path / "evidence")
    assert [line["call_id"] for line in written] == [call.call_id for call in c.calls]
    assert [line["fault"] for line in written] == [None, "provider_failed", None, None]
    assert [line["from_message"] for line in written] == [0, 1, 3, 3]
    assert [message["content"] for line in written for message in line["messages"]] == [
        "turn 0, with [key]",
        "said",
        "turn 1, with [key]",
        "said",
        "turn 2, with [key]",
    ]
    assert all(line["answer"]["content"] for line in written if line["fault"] is None)


def test_without_a_folder_nothing_is_kept(crew: MakeCrew, tmp_path: Path) -> None:
    crew(free()).gateway().complete(ask())
    assert not list(tmp_path.rglob(FILE_NAME))


def test_a_full_disk_costs_the_transcript_and_not_the_attempt(crew: MakeCrew, tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file where the folder should be")
    c = crew(free())
    c.gateway(evidence=tmp_path / "evidence").complete(ask())
    assert c.faults() == [None]


def test_transcripts_are_forgotten_after_their_time_and_nothing_else_is(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for name, days in (("old", 40), ("new", 2)):
        folder = tmp_path / name
        folder.mkdir()
        for file in (FILE_NAME, "verdict.json"):
            (folder / file).write_text("{}")
            stamp = (now - timedelta(days=days)).timestamp()
            os.utime(folder / file, (stamp, stamp))
    assert forget_transcripts(tmp_path, before=now - timedelta(days=30)) == 1
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json*")) == [
        "new/calls.jsonl",
        "new/verdict.json",
        "old/verdict.json",
    ]
