"""A repository that a branch is delivered to runs nothing of its own, and gets no file written elsewhere."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightcrew.address import Credential
from nightcrew.delivery.destination import Destination
from nightcrew.delivery.merge_queue import MergeQueue
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.queue.state_store import StateStore, create_schema
from tests.attacks.git_server import GitServer
from tests.attacks.rows import Findings, Row
from tests.delivery.conftest import Shop
from tests.execution.conftest import git

pytestmark = [pytest.mark.attack(Row.GIT), pytest.mark.identity_free]
HOOKS = (
    *("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive"),
    *("pre-push", "pre-commit", "post-commit", "push-to-checkout", "pre-auto-gc", "post-rewrite"),
)


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    with StateStore(database_url) as store:
        create_schema(store)
        yield Shop(tmp_path, store)


def price(tree: Path) -> None:
    (tree / "shop" / "price.py").write_text("def price():\n    return 10\n")


def test_hooks_and_configuration_of_the_repository_have_no_effect(
    shop: Shop, tmp_path: Path, finding: Findings
) -> None:
    """Also where the delivery reads the repository: its base moves, and a branch is there before."""
    mark = tmp_path / "ran"
    command = f"touch {mark}"
    change, other = shop.change(price), shop.change(lambda tree: (tree / "a.txt").write_text("a\n"))
    hooks = shop.repo / ".git" / "hooks"
    shutil.rmtree(hooks, ignore_errors=True)
    hooks.mkdir()
    for name in HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\n{command}\n")
        (hooks / name).chmod(0o755)
    for key in (
        *("core.sshCommand", "core.alternateRefsCommand", "core.fsmonitor", "core.pager", "core.editor"),
        *("gc.recentObjectsHook", "uploadpack.packObjectsHook", "gpg.program", "credential.helper"),
        *("receive.procReceiveRefs", "filter.x.clean", "filter.x.smudge", "diff.external", "alias.log"),
    ):
        git(shop.repo, "config", key, f"!{command}" if key.startswith("alias") else command)
    for key, value in (("commit.gpgsign", "true"), ("gc.auto", "1"), ("receive.autogc", "true")):
        git(shop.repo, "config", key, value)
    (shop.repo / ".git" / "info" / "attributes").write_text("* filter=x merge=x\n")
    for one in (change, other):
        done = shop.deliver(one)
        assert isinstance(done, Delivery) and done.status is DeliveryStatus.DELIVERED
    assert not mark.exists()
    finding("two branches were delivered beside hooks and commands in the configuration")


def _linked(name: str) -> Callable[[Path, Path], None]:
    def plant(git_dir: Path, outside: Path) -> None:
        place = git_dir / name
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(outside)

    return plant


def _linked_pack(git_dir: Path, outside: Path) -> None:
    shutil.move(git_dir / "objects" / "pack", outside / "pack")
    (git_dir / "objects" / "pack").symlink_to(outside / "pack")


def _linked_lock(git_dir: Path, outside: Path) -> None:
    (git_dir / "refs" / "heads" / "nightcrew").mkdir(parents=True)
    (git_dir / "refs" / "heads" / "nightcrew" / "t-1-do-it.lock").symlink_to(outside / "lock")


def _linked_branch(git_dir: Path, outside: Path) -> None:
    (git_dir / "refs" / "heads" / "nightcrew").mkdir(parents=True)
    (git_dir / "refs" / "heads" / "nightcrew" / "t-1-do-it").symlink_to(outside / "branch")


@pytest.mark.parametrize(
    "plant",
    [_linked("refs/heads/nightcrew"), _linked_pack, _linked_lock, _linked_branch],
    ids=["folder", "pack", "lock", "branch"],
)
def test_no_link_leads_a_file_out_of_the_repository(
    shop: Shop, tmp_path: Path, plant: Callable[[Path, Path], None], finding: Findings
) -> None:
    change = shop.change(price)
    outside = tmp_path / "outside"
    outside.mkdir()
    plant(shop.repo / ".git", outside)
    before = sorted(outside.rglob("*"))
    try:
        shop.deliver(change)
    except BadInput as error:
        finding(str(error))
    assert sorted(outside.rglob("*")) == before
    finding("nothing was written outside")


def test_a_git_folder_of_somebody_else_is_not_written(shop: Shop, tmp_path: Path, finding: Findings) -> None:
    change = shop.change(price)
    victim = tmp_path / "victim"
    subprocess.run(["git", "clone", "--quiet", str(shop.repo), str(victim)], check=True)
    shutil.rmtree(shop.repo / ".git")
    (shop.repo / ".git").write_text(f"gitdir: {victim}/.git\n")
    with pytest.raises(BadInput, match="does not refer to") as refused:
        shop.deliver(change)
    assert shop.branches(victim) == []
    finding(str(refused.value))


def test_a_server_gets_the_branch_and_nobody_else_the_token(
    shop: Shop, tmp_path: Path, finding: Findings
) -> None:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(shop.repo), str(bare)], check=True)
    git(bare, "config", "http.receivepack", "true")
    token = "ghp_" + "b7Q2" * 9
    server = GitServer(bare, token)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    credentials = Credentials(tmp_path / "credentials")
    credentials.keep(address, Credential("user", token))
    change = shop.change(price)
    change.queued.task.__dict__["repo"] = address  # as it is stored for a repository on a server
    (tmp_path / "work").mkdir()
    try:
        place = Destination(address, credentials)
        done = MergeQueue(place, shop.deliveries, shop._judge, tmp_path / "work").deliver(change)
    finally:
        server.shutdown()
        server.server_close()
    assert isinstance(done, Delivery) and shop.branches(bare) == [done.branch]
    assert server.basic in server.given and server.seen == []
    finding(done.detail)
