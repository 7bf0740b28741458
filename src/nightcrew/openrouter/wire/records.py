"""Records that an endpoint keeps: its models and the account. Missing and new fields are normal."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nightcrew.openrouter.wire.wire_fields import Day, Names, Table, Target, Text, Whole, to_decimal, whole


class ListedModel(BaseModel):
    """One record of `GET /models`; of a plain endpoint only `id` is there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9~][A-Za-z0-9._:/@+~-]{0,199}$")]
    canonical_slug: Text = None
    name: Text = None
    context_length: Whole = None
    max_model_len: Whole = None  # what vLLM calls it
    meta: Table = {}  # llama.cpp's: n_ctx
    architecture: Table = {}
    pricing: Table = {}
    top_provider: Table = {}
    per_request_limits: Table = {}
    supported_parameters: Names = ()
    expiration_date: Day = None
    benchmarks: Table = {}
    alias_target: Target = None


class KeyInfo(BaseModel):
    """What `GET /key` says about the account, as far as it says it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    is_free_tier: bool | None = None
    limit_remaining: Annotated[Decimal | None, BeforeValidator(to_decimal)] = None
    free_model_daily_requests: Table = {}

    @property
    def free_limit_a_day(self) -> int | None:
        """Calls to free models that the account has in a UTC day."""
        return whole(self.free_model_daily_requests.get("limit"))

    @property
    def free_used_today(self) -> int | None:
        """Calls to free models that the account has made in this UTC day, by anybody."""
        used = to_decimal(self.free_model_daily_requests.get("used"))
        return None if used is None else int(used)
