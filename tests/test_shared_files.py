"""What several hosts share, in a folder and in an object store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.errors import BadInput, StoreDown
from nightcrew.shared_files import SharedFiles, read_place
from tests.shared import KINDS, shared_url


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SharedFiles]:
    with shared_url(request.param, tmp_path) as url:
        yield SharedFiles(url)


def test_one_host_reads_what_another_has_sent(shared: SharedFiles, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "attempt-1").mkdir(parents=True)
    (here / "verdict.json").write_bytes(b"{}")
    (here / "attempt-1" / "attempt.patch").write_bytes(b"+\r\n\xff")
    shared.send_folder(here, "results/t-1")
    assert sorted(shared.list("results")) == ["t-1/attempt-1/attempt.patch", "t-1/verdict.json"]
    shared.fetch_folder("results/t-1", there)
    assert (there / "attempt-1" / "attempt.patch").read_bytes() == b"+\r\n\xff"
    assert read_place(shared.place("results/t-1/verdict.json")) == b"{}"


def test_only_what_has_changed_is_fetched_again(shared: SharedFiles, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    for name in ("one", "two"):
        (here / name).write_text("first")
    shared.send_folder(here, "results/t-1")
    shared.fetch_folder("results/t-1", there)
    (here / "two").write_text("later on")
    shared.send(here / "two", "results/t-1/two")
    kept = (there / "one").stat().st_ino
    shared.fetch_folder("results/t-1", there)
    assert (there / "two").read_text() == "later on"
    assert (there / "one").stat().st_ino == kept


def test_what_is_deleted_is_gone_and_may_be_deleted_again(shared: SharedFiles, tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("x")
    shared.send(file, "ledger/version")
    shared.delete("ledger/version")
    shared.delete("ledger/version")
    assert not shared.list("ledger")
    shared.fetch("ledger/version", file)
    assert file.read_text() == "x"


def test_a_place_that_cannot_be_reached_is_no_error_of_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs").S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreDown, match="cannot be reached"):
        SharedFiles("s3://bucket/crew").list("results")


@pytest.mark.parametrize("url", ["/srv/crew", "nonsense://bucket/crew", "file://crew"])
def test_another_address_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(BadInput, match=r"URL|library"):
        SharedFiles(url)
