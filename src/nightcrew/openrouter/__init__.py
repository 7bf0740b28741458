"""Access to models on the trusted side: catalogue, quota, budgets, faults, and a gateway per attempt."""

from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import availability, budgets_of, limits_of
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway

__all__ = ["Budgets", "Gateway", "ModelCatalogue", "OpenRouterApi", "availability", "budgets_of", "limits_of"]
