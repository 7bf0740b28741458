"""A repository on the twin of GitHub, with the crew's side of deliveries to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from nightcrew.address import without_secret
from nightcrew.delivery.conflict import Conflict
from nightcrew.delivery.destination import Destination
from nightcrew.delivery.merge_queue import Accepted, MergeQueue
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.queue.delivery import Delivery
from nightcrew.settings import Settings
from nightcrew.work.pull_requests import publisher
from tests.delivery.conftest import Shop, shop
from tests.flows.builders import judged
from tests.testing.github.conftest import Place, place, twin

__all__ = ["Delivered", "delivery", "place", "shop", "twin"]


@dataclass
class Delivered:
    """Delivers to the twin as a crew does."""

    shop: Shop
    place: Place

    @cached_property
    def settings(self) -> Settings:
        return Settings(home=self.shop.folder)

    @cached_property
    def repo(self) -> str:
        """The address without its token, which is stored."""
        address, credential = without_secret(self.place.address)
        assert credential is not None
        Credentials(self.settings.credentials_dir).keep(address, credential)
        return address

    def change(self, edit: Callable[[Path], object], says: str = "Raise the price.", **task: Any) -> Accepted:
        made = self.shop.change(edit, repo=self.repo, says=says)
        queued = made.queued
        return replace(made, queued=replace(queued, task=queued.task.model_copy(update=task)))

    def deliver(self, change: Accepted) -> Delivery | Conflict:
        """Deliver as a pull request; what cannot be delivered is kept as the crew keeps it."""
        known = self.shop.queue.get(change.queued.task_id)
        queued = replace(known, task=change.queued.task)
        with publisher(self.settings, queued, judged(), by_a_person=False) as publish:
            where = Destination(self.repo, Credentials(self.settings.credentials_dir))
            folder = self.shop.folder / f"work-{datetime.now(UTC).timestamp()}"
            folder.mkdir()
            merge_queue = MergeQueue(where, self.shop.deliveries, self.shop._judge, folder, publish)
            found = merge_queue.deliver(replace(change, queued=queued))
        if isinstance(found, Delivery):
            self.shop.deliveries.keep(queued.task_id, found)
        return found

    def pulls(self, state: str = "all") -> list[dict[str, Any]]:
        return list(self.place.call("GET", f"/pulls?state={state}").json())


@pytest.fixture
def delivery(shop: Shop, place: Place) -> Delivered:
    return Delivered(shop, place)
