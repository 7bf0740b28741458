"""The key is in no text that anybody could read: repr, logs, errors, records, what the sandbox gets."""

import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nightcrew.errors import BadInput, NightcrewError
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.testing.calls import Change
from nightcrew.testing.scenario import Account, Fault, FaultKind
from tests.openrouter.conftest import KEY, MakeCrew, ask, free


def everything(thing: object, depth: int = 4) -> str:
    """The text of an object and of what it holds, as a debugger or a careless log line would show it."""
    if depth == 0 or isinstance(thing, str | int | float):
        return repr(thing)
    held = {} if isinstance(thing, SecretStr) else getattr(thing, "__dict__", {})
    return " ".join([repr(thing), *(everything(value, depth - 1) for value in held.values())])


@pytest.mark.parametrize("kind", [None, FaultKind.BAD_GATEWAY, FaultKind.DROPPED, FaultKind.HTML_BODY])
@pytest.mark.parametrize("stream", [False, True])
def test_the_key_appears_nowhere(
    crew: MakeCrew, caplog: pytest.LogCaptureFixture, kind: FaultKind | None, stream: bool
) -> None:
    echo = [Fault(kind=kind, message=f"Incorrect API key provided: {KEY}", times=1)] if kind else []
    with caplog.at_level(logging.DEBUG):
        c = crew(free("alpha"), free("beta"), faults=echo)
        gateway = c.gateway("house/alpha:free", "house/beta:free")
        result = list(gateway.dispatcher.stream(ask())) if stream else gateway.complete(ask())
    seen = [caplog.text, repr(c.calls), repr(result), everything(gateway), everything(c.api)]
    assert all(KEY not in text for text in seen)


def test_a_provider_that_repeats_the_key_is_not_repeated(
    crew: MakeCrew, caplog: pytest.LogCaptureFixture
) -> None:
    c = crew(free("alpha"), faults=[Fault(kind=FaultKind.SERVER_ERROR, message=f"bad key {KEY}")])
    gateway = c.gateway()
    with pytest.raises(NightcrewError) as refused, caplog.at_level(logging.DEBUG):
        gateway.complete(ask())
    assert KEY not in f"{refused.value!r} {refused.value} {caplog.text} {gateway.usage()}"
    assert "[key]" in str(refused.value)


def test_a_refused_key_is_not_in_the_message(crew: MakeCrew) -> None:
    c = crew(free("alpha"))
    c.twin.change(Change(account=Account(api_key="another")))
    with pytest.raises(NightcrewError) as refused:
        c.gateway().complete(ask())
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["sk-or-v1 broken", "sk-or-v1\nX-Evil: 1", "sk-ör", "sk\x00or"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(BadInput) as refused:
        OpenRouterApi("https://openrouter.ai/api/v1", SecretStr(key))
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["openrouter.ai", "ftp://x/y", "http://", "https://user:pw@openrouter.ai/api/v1"]
)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        OpenRouterApi(url, None)
    assert "pw" not in str(refused.value)


def test_the_account_has_a_name_that_does_not_tell_the_key() -> None:
    def name(url: str, key: str) -> str:
        return OpenRouterApi(url, SecretStr(key)).account

    names: set[Any] = {name("http://a/v1", KEY), name("http://a/v1/", KEY)}
    assert len(names) == 1
    assert len(names | {name("http://b/v1", KEY), name("http://a/v1", "other")}) == 3
    assert all(KEY not in each for each in names)


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_escapes_the_key_is_not_repeated(
    crew: MakeCrew, caplog: pytest.LogCaptureFixture, tmp_path: Path, stream: bool
) -> None:
    """What was escaped on the wire is looked at as it is read."""
    hidden = "".join(f"\\u{ord(character):04x}" for character in KEY)
    c = crew(free("alpha"), faults=[Fault(kind=FaultKind.SERVER_ERROR, message=f"bad key {hidden}")])
    gateway = c.gateway(evidence=tmp_path / "evidence")
    with pytest.raises(NightcrewError) as refused, caplog.at_level(logging.DEBUG):
        list(gateway.dispatcher.stream(ask())) if stream else gateway.complete(ask())
    written = "".join(path.read_text() for path in (tmp_path / "evidence").iterdir())
    text = f"{refused.value} {caplog.text} {c.calls} {written}"
    assert not any(form in text for form in (KEY, hidden, hidden.replace("\\", "\\\\")))
