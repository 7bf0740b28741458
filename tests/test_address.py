"""What names a repository, and the secrets that people put into it."""

import re

import pytest

from nightcrew.address import (
    PATTERN,
    Protocol,
    folder_of,
    holds_secret,
    is_own_machine,
    origin_of,
    protocol_of,
    without_secret,
)
from nightcrew.errors import BadInput
from nightcrew.task import Task

OWN = [
    "http://127.0.0.1:8080/v1", "http://localhost:11434", "http://[::1]:80/v1", "http://10.1.2.3/v1",
    "https://192.168.0.7/v1", "http://172.16.5.5:1", "http://host.docker.internal:11434/v1", "http://gpu.local/v1",
    "http://LOCALHOST./v1", "http://[fd00::1]/v1", "http://ollama:11434/v1", "http://100.101.2.3:8000/v1", "http://box.home/v1",
]  # fmt: skip
OTHERS = [
    "https://openrouter.ai/api/v1", "http://8.8.8.8/v1", "https://localhost.example.org", "https://127.0.0.1.nip.io",
    "https://models.notlocal", "https://172.32.0.1", "https://home.example.org", "",
]  # fmt: skip


def test_a_private_address_is_known_by_its_name_or_number() -> None:
    assert [url for url in OWN if not is_own_machine(url)] == []
    assert [url for url in OTHERS if is_own_machine(url)] == []


PLAIN = [
    "/srv/repo",
    "/srv/a:b@c/repo",
    "~/repo",
    "./repo@2",
    "file:///srv/repo",
    "file:///srv/a:b@c#d?e",
    "git@example.org:team/lib@2.git",
    "ssh://git@example.org:22/team/lib.git",
    "git://example.org/lib.git",
    "https://example.org/team/lib.git",
    "https://example.org:8443/team/lib@2.git",
    "http://[::1]:8080/lib.git",
]
TAKEN_OUT = {
    "https://user:canary@example.org/a.git": ("https://example.org/a.git", "user"),
    "https://user:can%61ry@example.org:8443/a.git": ("https://example.org:8443/a.git", "user"),
    "https://canary@example.org/a.git": ("https://example.org/a.git", "x-access-token"),
    "https://canary:@example.org/a.git": ("https://example.org/a.git", "x-access-token"),
    "https://:canary@example.org/a.git": ("https://example.org/a.git", ""),
    "HTTPS://user:canary@Example.org/a.git": ("https://Example.org/a.git", "user"),
    "https://example.org/a.git?access_token=canary": ("https://example.org/a.git", "x-access-token"),
    "https://bot@example.org/a.git?private_token=canary": ("https://example.org/a.git", "bot"),
    "https://example.org/a.git#token=canary": ("https://example.org/a.git", "x-access-token"),
    "http://user:canary@127.0.0.1:8080/a.git": ("http://127.0.0.1:8080/a.git", "user"),
}
REFUSED = [
    "ssh://git:canary@example.org/a.git",
    "git://user:canary@example.org/a.git",
    "http://user:canary@example.org/a.git",
    "user:canary@example.org:a.git",
    "https:user:canary@example.org/a.git",
    "https:/user:canary@example.org/a.git",
    "svn+ssh://user:canary@example.org/a",
    "https://example.org/a.git?ref=canary",
    "https://example.org/a.git?token=canary&x=1",
    "https://example.org/a.git#canary",
    "https://user:canary@[::1/a.git",
    "https://user:canary@example.org:99999/a.git",
    "https://user:canary%0Ahost=evil@example.org/a.git",
    "https://user:canary @example.org/a.git",
    "https://user:canary@/a.git",
    "//user:canary@example.org/a.git",
    "//canary@example.org/a.git",
    "///user:can/ary@example.org/a.git",
    "\\\\user:canary@example.org\\a.git",
    "file://user:canary@example.org/a.git",
    "./https://user:canary@example.org/a.git",
    "/srv/https://canary@example.org/a.git",
]


@pytest.mark.parametrize("repo", PLAIN)
def test_what_holds_no_secret_stays_as_it_is(repo: str) -> None:
    assert without_secret(repo) == (repo, None)
    assert re.search(PATTERN, repo)


@pytest.mark.parametrize(("repo", "wanted"), TAKEN_OUT.items())
def test_a_token_is_taken_out(repo: str, wanted: tuple[str, str]) -> None:
    address, credential = without_secret(repo)
    assert credential is not None
    assert (address, credential.username, credential.password) == (*wanted, "canary")
    assert "canary" not in repr(credential)
    assert not re.search(PATTERN, repo)


@pytest.mark.parametrize("repo", REFUSED)
def test_a_secret_that_cannot_be_used_is_refused_and_not_repeated(repo: str) -> None:
    with pytest.raises(BadInput) as found:
        without_secret(repo)
    assert "canary" not in str(found.value)


@pytest.mark.parametrize("repo", [*TAKEN_OUT, *REFUSED])
def test_no_task_ever_holds_a_secret(repo: str) -> None:
    assert holds_secret(repo)
    with pytest.raises(ValueError, match="nightcrew submit-task") as found:
        Task.model_validate({"description": "anything", "repo": repo})
    assert "canary" not in str(found.value)


def test_prefect_is_configured_with_how_a_repository_may_be_written() -> None:
    assert Task.model_json_schema()["properties"]["repo"]["pattern"] == PATTERN


def test_a_repository_is_reached_by_the_protocol_that_it_is_named_with() -> None:
    found = {repo: protocol_of(repo) for repo in PLAIN}
    assert [found[repo] for repo in PLAIN[:6]] == [Protocol.FILE] * 6
    assert [found[repo] for repo in PLAIN[6:]] == [
        Protocol.SSH, Protocol.SSH, Protocol.GIT, Protocol.HTTPS, Protocol.HTTPS, Protocol.HTTP
    ]  # fmt: skip
    for repo in ("ext::sh -c 'touch x'", "fd::7", "x" * 5000):
        assert protocol_of(repo) is Protocol.FILE  # no such folder, then
    for repo in ("ext://x", "ftp://example.org/a", "transport://x"):
        with pytest.raises(BadInput, match="is not supported"):
            protocol_of(repo)


def test_a_folder_can_be_named_by_a_file_address() -> None:
    assert str(folder_of("file:///srv/my%20repo")) == "/srv/my repo"
    assert str(folder_of("file://localhost/srv/repo")) == "/srv/repo"


def test_a_credential_is_for_one_origin() -> None:
    assert origin_of("https://example.org:8443/a/b.git") == "https://example.org:8443"
