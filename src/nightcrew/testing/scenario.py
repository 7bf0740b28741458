"""A twin's scenario as data: its account, models, faults, and the solutions that models can write.

A scenario is a JSON file. Contents of solution files are inline or in files next to it (`{"file": "..."}`).
"""

import json
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from nightcrew.errors import BadInput
from nightcrew.settings import first_problem
from nightcrew.task import TaskType
from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.solutions import Data, Solution
from nightcrew.untrusted import read_json


class Character(StrEnum):
    """How a scripted model behaves."""

    CAPABLE = "capable"
    LAZY = "lazy"
    CHEATER = "cheater"
    WRONG = "wrong"
    STUCK = "stuck"
    TALKER = "talker"
    FORMLESS = "formless"  # good work, but without tool calls and without the marks of the reply format
    WANDERER = "wanderer"
    FLAKY = "flaky"
    SLOW = "slow"
    OUT_OF_QUOTA = "out_of_quota"
    TRUNCATOR = "truncator"
    SKILL = "skill"


class FaultKind(StrEnum):
    """The kinds of faults; `fault_forms` has their wire format."""

    UNAUTHORIZED = "unauthorized"
    PAYMENT_REQUIRED = "payment_required"
    MODERATION = "moderation"
    GUARDRAIL = "guardrail"
    NO_ENDPOINTS = "no_endpoints"
    NO_TOOL_USE = "no_tool_use"
    DATA_POLICY = "data_policy"
    FREE_ENDED = "free_ended"
    BAD_REQUEST = "bad_request"
    CONTEXT_LENGTH = "context_length"
    REQUEST_TIMEOUT = "request_timeout"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNPROCESSABLE = "unprocessable"
    RATE_LIMIT_MINUTE = "rate_limit_minute"
    RATE_LIMIT_DAY = "rate_limit_day"
    RATE_LIMIT_UPSTREAM = "rate_limit_upstream"
    CAPACITY_EXHAUSTED = "capacity_exhausted"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"
    GATEWAY_TIMEOUT = "gateway_timeout"
    OVERLOADED = "overloaded"
    HTML_BODY = "html_body"
    ERROR_IN_200 = "error_in_200"
    MIDSTREAM_ERROR = "midstream_error"
    MIDSTREAM_DROP = "midstream_drop"
    DROPPED = "dropped"
    DRIP = "drip"
    LATENCY = "latency"
    NO_CHOICES = "no_choices"
    NO_USAGE = "no_usage"
    EMPTY = "empty"
    FINISH_ERROR = "finish_error"
    TRUNCATED = "truncated"
    REFUSAL = "refusal"
    PROSE = "prose"
    MALFORMED_TOOL_CALL = "malformed_tool_call"
    UNKNOWN_TOOL = "unknown_tool"
    MISSING_ARGUMENT = "missing_argument"
    FORM = "form"


def _date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date is written YYYY-MM-DD") from None
    return text


class Fault(Data):
    """A fault and when it happens; all given conditions must hold."""

    kind: FaultKind
    """What happens, see the kinds below."""
    form: AnswerForm | None = None
    """The wrong form of the answer, for the kind *form*; empty: one of all forms, drawn for each call."""
    models: tuple[str, ...] = ("*",)
    """Ids of the affected models, as glob patterns."""
    at_call: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """The affected call numbers (from 1); empty: all calls."""
    from_call: Annotated[int, Field(ge=1)] = 1
    """The first affected call number."""
    per: Literal["conversation", "model", "account"] = "conversation"
    """What the call number counts: turns of one conversation, calls to one model, or all calls."""
    times: Annotated[int, Field(ge=1)] | None = None
    """The most occurrences per conversation, model or account (see `per`); empty: unlimited."""
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Probability of each occurrence, drawn from the scenario's seed."""
    after_seconds: Annotated[float, Field(ge=0)] = 0.0
    """Not before this many seconds after the twin started (by its clock)."""
    before_seconds: Annotated[float, Field(gt=0)] | None = None
    """Not later than this many seconds after the twin started (by its clock)."""
    retry_after_seconds: float | None = None
    """Sent as `Retry-After`."""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """The HTTP status, if not the kind's default."""
    code: int | str | None = None
    """The `error.code`, if not the kind's default."""
    message: str | None = None
    """The `error.message`, if not the kind's default."""
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """The delay, or the total time of a slow answer (real seconds)."""

    @model_validator(mode="after")
    def _check_it_can_happen(self) -> Self:
        if self.form is not None and self.kind is not FaultKind.FORM:
            raise ValueError(f"only the kind form has a form, not {self.kind}")
        if self.before_seconds is not None and self.before_seconds <= self.after_seconds:
            raise ValueError("before_seconds must be more than after_seconds")
        return self


class Price(Data):
    """Prices in OpenRouter's format: strings, USD per token ("0": free)."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    prompt: str = "0"
    """For each token of the request."""
    completion: str = "0"
    """For each token of the answer."""
    request: str = "0"
    """For each call."""

    @model_validator(mode="after")
    def _check_numbers(self) -> Self:
        for name in ("prompt", "completion", "request"):
            try:
                is_price = Decimal(getattr(self, name)) >= 0
            except ArithmeticError:
                is_price = False
            if not is_price:
                raise ValueError(f"{name} must be a number in a string, USD per token, not below 0")
        return self

    @property
    def free(self) -> bool:
        """True if calls cost nothing."""
        return all(Decimal(part) == 0 for part in (self.prompt, self.completion, self.request))


class ScriptedModel(Data):
    """One model of the twin: its behaviour and its catalogue record."""

    id: Annotated[str, Field(pattern=r"^~?[\w.\-]+/[\w.\-]+(:[\w\-]+)?$")]
    """`author/name`, with `:free` for a free variant."""
    character: Character = Character.CAPABLE
    """How it behaves."""
    retry_character: Character | None = None
    """Behaviour after an earlier attempt was rejected; empty: the same."""
    skill: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Probability of good work per task, for the character *skill*."""
    skills: dict[TaskType, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """The same by task type, where it differs."""
    name: str = ""
    """Its name for people; empty: the id."""
    canonical_slug: str = ""
    """Its lasting name; empty: the id without its variant."""
    provider: str = "house"
    """Its provider, which replies name as `nightcrew-twin/<provider>`."""
    price: Price = Price()
    """Its prices in the catalogue."""
    charged: Price | None = None
    """The real prices of calls, if they differ from the catalogue."""
    context_length: Annotated[int, Field(ge=256)] | None = 131_072
    """Tokens of request and answer; longer requests are refused."""
    max_completion_tokens: Annotated[int, Field(ge=16)] | None = 32_768
    """Tokens at which an answer is cut."""
    tools: bool = True
    """True if it supports tools (and lists them in `supported_parameters`)."""
    structured: bool = False
    """True if it answers in JSON of a given schema (and lists `structured_outputs`)."""
    expiration_date: Annotated[str, AfterValidator(_date)] | None = None
    """YYYY-MM-DD; from that day (UTC) on calls end as *free period has ended*."""
    coding_index: float | None = None
    """Its coding benchmark in the catalogue."""
    latency_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    """Real seconds before each answer."""
    record: dict[str, Any] = Field(default_factory=dict)
    """Fields that override its catalogue record, to test new, missing (null) or invalid ones."""

    @property
    def slug(self) -> str:
        """The canonical slug: the id without its variant unless the scenario names one."""
        return self.canonical_slug or self.id.split(":")[0]


class Account(Data):
    """The account shared by all clients of the twin."""

    api_key: str | None = None
    """The only valid key; empty: any key, or none."""
    credits_usd: float = 100.0
    """All credits bought; 10 or more raise the free calls per day from 50 to 1,000."""
    spent_usd: float = 0.0
    """Spent before the twin started; more than bought means a negative balance."""
    free_per_minute: Annotated[int, Field(ge=0)] = 20
    """Free calls per minute."""
    free_per_day: Annotated[int, Field(ge=0)] | None = None
    """Free calls per UTC day; empty: as the credits allow."""
    free_used_today: Annotated[int, Field(ge=0)] = 0
    """Free calls already made on the twin's first day."""
    reset_unit: Literal["ms", "s"] = "ms"
    """Unit of `X-RateLimit-Reset`."""
    limits_in_200: bool = False
    """Send the account's own 429 as HTTP 200 with the error in the body."""
    key_shows_free_requests: bool = True
    """Whether `/key` has `free_model_daily_requests`."""


class Scenario(Data):
    """A twin's scenario."""

    name: str = "unnamed"
    """What the twin calls it."""
    seed: int = 0
    """What everything random is drawn from: the same seed, the same answers and faults."""
    account: Account = Account()
    """Its quota and money."""
    models: tuple[ScriptedModel, ...]
    """At least one."""
    faults: tuple[Fault, ...] = ()
    """The first one that applies to a call happens."""
    solutions: tuple[Solution, ...] = ()
    """The first one that matches a task is what the models write."""

    @model_validator(mode="after")
    def _check_models(self) -> Self:
        ids = [model.id for model in self.models]
        if not ids:
            raise ValueError("a scenario needs at least one model")
        if len(set(ids)) < len(ids):
            raise ValueError(f"two models share the id {next(name for name in ids if ids.count(name) > 1)}")
        return self

    @model_validator(mode="after")
    def _check_faults(self) -> Self:
        for fault in self.faults:
            for pattern in fault.models:
                if not any(fnmatchcase(model.id, pattern) for model in self.models):
                    raise ValueError(f"fault {fault.kind}: no model matches {pattern}")
        return self


def load_scenario(path: Path) -> Scenario:
    """The scenario in a JSON file.

    Raises:
        BadInput: it cannot be read or is invalid; the message names the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no text in UTF-8"
        raise BadInput(f"cannot read the scenario {path}: {why}") from None
    try:
        data = read_json(text)
        json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as error:
        why = "the file is empty" if not text.strip() else str(error)
        raise BadInput(f"cannot read the scenario {path} as JSON: {why}") from None
    try:
        return Scenario.model_validate(data, context={"folder": path.parent})
    except ValidationError as error:
        raise BadInput(f"scenario {path.name}: {first_problem(error)}") from None


def shipped_scenario(name: str = "demo") -> Scenario:
    """A scenario that comes with Nightcrew, by name."""
    return load_scenario(shipped_path(f"{name}.json"))


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which each name stands once: the last one would silently win."""
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f'the name "{twice}" stands twice in one object')
    return dict(pairs)


def shipped_path(file: str) -> Path:
    """The path of a file of the shipped scenarios."""
    return Path(str(files("nightcrew.testing"))) / "scenarios" / file
