"""The current prices of a plan's models."""

import logging
import time
from collections.abc import Iterable

from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.wire.prices import Price

log = logging.getLogger(__name__)

CATALOGUE_SECONDS = 60.0  # how long prices from the store are reused


class TodaysPrices:
    """The published prices of these models, at most a minute old."""

    def __init__(self, catalogue: ModelCatalogue, models: Iterable[str]) -> None:
        self._catalogue, self._models = catalogue, tuple(models)
        self._published: dict[str, Price] = {}
        self._read_at = float("-inf")

    def read(self) -> dict[str, Price]:
        """The prices by model; models without a published price are missing."""
        if time.monotonic() - self._read_at > CATALOGUE_SECONDS:
            published = self._catalogue.published_prices(self._models)
            for model, price in published.items():
                if self._published and self._published.get(model) != price:
                    log.warning("the price of %s has changed", model)
            self._published, self._read_at = published, time.monotonic()
        return self._published

    def read_anew(self) -> dict[str, Price]:
        """The prices as the provider lists them now."""
        self._catalogue.refresh()
        self._read_at = float("-inf")
        return self.read()
