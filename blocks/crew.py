"""The two Prefect blocks of a crew: the models and quotas of its account, and its policy.

An empty field changes nothing: the environment (`NIGHTCREW_*`) or the default applies.
"""

from decimal import Decimal
from typing import Any, ClassVar

from prefect import get_client
from prefect.blocks.core import Block
from pydantic import Field

BLOCK_NAME = "crew"


class ModelAccount(Block):
    """Models and call quotas of the account.

    Address and key are not part of it, so that a person who can read or change blocks cannot get the key.
    """

    _block_type_name: ClassVar[str | None] = "Nightcrew Model Account"
    _block_type_slug: ClassVar[str | None] = "nightcrew-model-account"
    _description: ClassVar[str | None] = (
        "Models and quotas of the crew's account. Set its address and key with 'nightcrew set-account'."
    )

    models: list[str] | None = Field(
        default=None, title="Models", description="Use only these; required if the endpoint has no catalogue."
    )
    free_requests_per_minute: int | None = Field(default=None, ge=0, title="Free calls a minute")
    free_requests_per_day: int | None = Field(default=None, ge=0, title="Free calls a day (UTC)")


class CrewPolicy(Block):
    """Limits on what the crew may do and spend."""

    _block_type_name: ClassVar[str | None] = "Nightcrew Policy"
    _block_type_slug: ClassVar[str | None] = "nightcrew-policy"
    _description: ClassVar[str | None] = "Budgets and limits of a crew."

    task_budget_usd: Decimal | None = Field(default=None, ge=0, title="USD for one task")
    day_budget_usd: Decimal | None = Field(default=None, ge=0, title="USD for one day (UTC)")
    month_budget_usd: Decimal | None = Field(default=None, ge=0, title="USD for one month (UTC)")
    denied_models: list[str] | None = Field(
        default=None, title="Denied models", description="Never use these (glob patterns)."
    )
    attempt_seconds: int | None = Field(default=None, ge=10, title="Seconds of one attempt")
    attempt_iterations: int | None = Field(default=None, ge=1, title="Model calls of one attempt")
    review_seconds: int | None = Field(default=None, ge=1, title="Seconds a question may wait for a person")


async def settings_overrides() -> dict[str, Any]:
    """The fields set in the blocks named `crew`, as overrides for `load_settings`; may be empty."""
    async with get_client() as client:  # one request for both
        documents = await client.read_block_documents()
    saved = {
        document.block_type.slug: document.data
        for document in documents
        if document.block_type and document.name == BLOCK_NAME
    }
    overrides: dict[str, Any] = {}
    for kind in (ModelAccount, CrewPolicy):
        block = kind.model_validate(saved.get(str(kind._block_type_slug), {}))
        fields = {name: value for name in kind.model_fields if (value := getattr(block, name)) is not None}
        overrides |= {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
    return overrides
