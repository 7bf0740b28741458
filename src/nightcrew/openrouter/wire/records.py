"""An endpoint's records of its models and the account. Missing and unknown fields are accepted."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nightcrew.openrouter.wire.wire_fields import Day, Names, Table, Target, Text, Whole, to_decimal, whole


class ListedModel(BaseModel):
    """One record of `GET /models`; a plain endpoint only sends `id`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    # llama.cpp's may be the path of a file.
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9~./_][A-Za-z0-9._:/@+~-]{0,199}$")]
    canonical_slug: Text = None
    name: Text = None
    context_length: Whole = None
    max_model_len: Whole = None  # vLLM's name for the context window
    context_window: Whole = None  # Groq's
    max_context_length: Whole = None  # Mistral's and LM Studio's
    loaded_context_length: Whole = None  # LM Studio's, of a model in memory
    meta: Table = {}  # llama.cpp's, with n_ctx and n_ctx_train
    architecture: Table = {}
    pricing: Table = {}
    top_provider: Table = {}
    per_request_limits: Table = {}
    supported_parameters: Names = ()
    expiration_date: Day = None
    benchmarks: Table = {}
    alias_target: Target = None


class KeyInfo(BaseModel):
    """The account's record from `GET /key`; fields may be missing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    is_free_tier: bool | None = None
    free_model_daily_requests: Table = {}

    @property
    def free_limit_a_day(self) -> int | None:
        """The account's free calls per UTC day."""
        return whole(self.free_model_daily_requests.get("limit"))

    @property
    def free_used_today(self) -> int | None:
        """The account's free calls so far on this UTC day, by all its users."""
        used = to_decimal(self.free_model_daily_requests.get("used"))
        return None if used is None else int(used)
