"""The two blocks of a crew: which models of its account it calls, and the policy it works under.

An empty field says nothing: the environment (`NIGHTCREW_*`) or the default holds.
"""

from decimal import Decimal
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

BLOCK_NAME = "crew"


class ModelAccount(Block):
    """Which models are called, and how often.

    Address and key are no part of it: who can read or change a block must not get at the key.
    """

    _block_type_name: ClassVar[str | None] = "Nightcrew Model Account"
    _block_type_slug: ClassVar[str | None] = "nightcrew-model-account"
    _description: ClassVar[str | None] = (
        "Models and quotas of the crew's account. Its address and key are given with 'nightcrew set-account'."
    )

    models: list[str] | None = Field(
        default=None, title="Models", description="Only these; needed where the endpoint has no catalogue."
    )
    free_requests_per_minute: int | None = Field(default=None, ge=0, title="Free calls a minute")
    free_requests_per_day: int | None = Field(default=None, ge=0, title="Free calls a day (UTC)")


class CrewPolicy(Block):
    """What the crew may do and spend."""

    _block_type_name: ClassVar[str | None] = "Nightcrew Policy"
    _block_type_slug: ClassVar[str | None] = "nightcrew-policy"
    _description: ClassVar[str | None] = "Budgets and limits of a crew."

    task_budget_usd: Decimal | None = Field(default=None, ge=0, title="USD for one task")
    day_budget_usd: Decimal | None = Field(default=None, ge=0, title="USD for one day (UTC)")
    month_budget_usd: Decimal | None = Field(default=None, ge=0, title="USD for one month (UTC)")
    denied_models: list[str] | None = Field(
        default=None, title="Denied models", description="Never these; glob patterns."
    )
    attempt_seconds: int | None = Field(default=None, ge=10, title="Seconds of one attempt")
    attempt_iterations: int | None = Field(default=None, ge=1, title="Model calls of one attempt")
    review_seconds: int | None = Field(default=None, ge=1, title="Seconds a question may wait for a person")


async def settings_overrides() -> dict[str, Any]:
    """What the blocks named `crew` say, as overrides for `load_settings`; nothing where there are none."""
    overrides: dict[str, Any] = {}
    for kind in (ModelAccount, CrewPolicy):
        try:
            block = await kind.aload(BLOCK_NAME)
        except ValueError:  # Prefect's way of saying that there is none
            continue
        said = {name: getattr(block, name) for name in kind.model_fields if getattr(block, name) is not None}
        overrides |= {
            name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
        }
    return overrides
