"""A repository, a store, and a judge that looks at the tree it is given."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightcrew.delivery.conflict import Conflict
from nightcrew.delivery.destination import Destination
from nightcrew.delivery.merge_queue import Accepted, MergeQueue
from nightcrew.execution.checkout.base import workspace_of
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.workspace import Checkout, extract_patch, make_checkout, resolve_commit
from nightcrew.queue.deliveries import Deliveries
from nightcrew.queue.delivery import Delivery
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.task import Task
from nightcrew.validation.verdict import Verdict, VerdictKind
from tests.execution.conftest import git, make_repo

PRICES = {"price": 1, "other": 2, "third": 3}
FILES = {
    "shop/price.py": "\n\n".join(f"def {name}():\n    return {value}\n" for name, value in PRICES.items()),
    "shop/run.sh": "#!/bin/sh\necho run\n",
}
MADE_AT = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


class Shop:
    """A repository to deliver to, with the crew's side of deliveries."""

    def __init__(self, folder: Path, store: StateStore) -> None:
        self.folder = folder
        self.repo = make_repo(folder / "repo", FILES)
        (self.repo / "shop" / "run.sh").chmod(0o755)
        git(self.repo, "commit", "--quiet", "--all", "--amend", "--no-edit")
        self.queue = TaskQueue(store, 100)
        self.deliveries = Deliveries(store)
        self.judged: list[str] = []
        self._number = 0

    def change(
        self, edit: Callable[[Path], object], *, repo: str = "", says: str = "Do it.", base: str = "HEAD"
    ) -> Accepted:
        """An accepted change: what `edit` does to a checkout."""
        self._number += 1
        address = repo or str(self.repo)
        start = make_checkout(address, resolve_commit(address, "HEAD"), self.folder / f"base-{self._number}")
        tree = workspace_of(start, self.folder / f"tree-{self._number}")
        edit(tree.path)
        patch = extract_patch(tree)
        task = Task(
            task_id=f"t-{self._number}",
            description=f"{says}\n\nNumber {self._number}.",
            repo=address,
            base=base,
            target_file="shop/price.py",
        )
        queued = self.queue.submit(task)
        kept = self.folder / f"change-{self._number}.patch"
        kept.write_text(patch)
        queued = replace(self.queue.update(task.task_id, change_path=str(kept)), is_new=False)
        trailers = {"Nightcrew-Task": task.task_id, "Co-authored-by": "m/x:free <model@nightcrew.invalid>"}
        return Accepted(queued, patch, start.commit, False, "Ada L <ada@example.org>", trailers, MADE_AT)

    def deliver(self, change: Accepted) -> Delivery | Conflict:
        """Deliver it with a judge that rejects a shop in which two files say they exclude each other."""
        place = Destination(change.queued.task.repo, Credentials(self.folder / "credentials"))
        self._number += 1
        folder = self.folder / f"delivery-{self._number}"
        folder.mkdir()
        fresh = replace(change, queued=self.queue.get(change.queued.task_id))
        return MergeQueue(place, self.deliveries, self._judge, folder).deliver(fresh)

    def branches(self, repo: Path | None = None) -> list[str]:
        """Our branches in the repository."""
        listed = git(repo or self.repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/nightcrew")
        return listed.split()

    def _judge(self, base: Checkout, patch: str) -> Verdict:
        self.judged.append(base.commit)
        texts = [path.read_text() for path in base.path.rglob("*.txt")]
        breaks = "excludes" in "".join(texts) and "excludes" in patch
        kind = VerdictKind.REJECTED if breaks else VerdictKind.ACCEPTED
        return Verdict(kind, 0.9, (), "a test fails" if breaks else "good", "mend it")


def state_of(repo: Path) -> str:
    """What delivering must leave as it is: HEAD, the current branch, the index, the files."""
    digest = subprocess.run(
        ["sha256sum", ".git/HEAD", ".git/index", ".git/config", "shop/price.py"],
        cwd=repo, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return digest.stdout + git(repo, "status", "--porcelain") + git(repo, "rev-parse", "HEAD")


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    os.umask(0o022)
    with StateStore(database_url) as store:
        create_schema(store)
        yield Shop(tmp_path, store)
