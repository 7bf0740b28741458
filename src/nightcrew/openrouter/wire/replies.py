"""Reads replies tolerantly: the usage of an answer, and the error of a failed call.

Pure functions. Money is `Decimal` USD, times are UTC.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from nightcrew.openrouter.wire.wire_fields import table, to_decimal, whole
from nightcrew.untrusted import read_json

# The text of an error goes into records and messages; a longer one is not useful.
_MESSAGE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply. `body` is None if it is not a JSON object; then `text` has its start."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] | None
    text: str = ""

    @property
    def failed(self) -> bool:
        """True if it reports an error, whatever its HTTP status is."""
        return self.status >= 400 or self.body is None or find_error(self.body)


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one answer; `cost_usd` is None if it was not reported."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None


def read_usage(body: Mapping[str, Any]) -> Usage | None:
    """The usage block of an answer or of a stream's last chunk, or None."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return None
    return Usage(
        input_tokens=whole(usage.get("prompt_tokens")) or 0,
        output_tokens=whole(usage.get("completion_tokens")) or 0,
        cached_tokens=whole(table(usage.get("prompt_tokens_details")).get("cached_tokens")) or 0,
        reasoning_tokens=whole(table(usage.get("completion_tokens_details")).get("reasoning_tokens")) or 0,
        cost_usd=to_decimal(usage.get("cost")),
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error as the other side reported it, anywhere in the reply."""

    status: int | None  # the error's own code, or else the HTTP status
    message: str = ""
    error_type: str = ""  # metadata.error_type, error.availability.code and the like, space separated
    provider: str | None = None  # the upstream provider that failed; None: the platform itself
    limit: int | None = None  # X-RateLimit-Limit: sent by the platform only
    reset_at: datetime | None = None
    retry_after_seconds: float | None = None
    platform: bool = False  # the account's own quota, not the upstream provider's
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All texts of the error, to recognise it."""
        return f"{self.error_type} {self.message}"


def read_trouble(
    status: int | None, headers: Mapping[str, str], body: object, *, now: datetime, text: str = ""
) -> Trouble:
    """The error of a failed reply, from its headers and the `error` in its body."""
    error = _find_error(body)
    metadata = table(error.get("metadata"))
    availability = table(error.get("availability")) or table(metadata.get("availability"))
    all_headers = {**_lower(metadata.get("headers")), **_lower(headers)}
    code = _code(error.get("code"), error.get("http_status"), status)
    message = str(error.get("message") or text or "").strip()
    limit = whole(all_headers.get("x-ratelimit-limit"))
    reset_at = _reset_at(all_headers.get("x-ratelimit-reset"), now)
    retry_after = _retry_after(all_headers.get("retry-after"), availability, metadata, now)
    if retry_after is None and reset_at is not None:
        retry_after = max(0.0, (reset_at - now).total_seconds())
    return Trouble(
        status=code,
        message=(f"{message} {metadata.get('raw') or ''}").strip()[:_MESSAGE_LENGTH],
        error_type=" ".join(_kinds(error, metadata, availability)),
        provider=_provider(metadata),
        limit=limit,
        reset_at=reset_at,
        retry_after_seconds=retry_after,
        platform=limit is not None or "free-models-per-" in message,
        metadata=metadata,
    )


def find_error(body: object) -> bool:
    """True if a body with HTTP status 200 is an error."""
    return bool(_find_error(body))


def parse_json(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object in `text`, or None if it is something else."""
    try:
        value = read_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


# ----------------------------------------------------------------------------------------------------


def _find_error(body: object) -> dict[str, Any]:
    """The error object: at the top, or in the first choice (a partial answer)."""
    if not isinstance(body, Mapping):
        return {}
    error = body.get("error")
    choices = body.get("choices")
    if not error and isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        error = choices[0].get("error")
    if isinstance(error, str):
        return {"message": error}
    return table(error)


def _lower(headers: object) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        return {}
    return {str(name).lower(): str(value) for name, value in headers.items() if value is not None}


# Error codes as words, which are common in streams.
_LONGEST_RETRY = 7 * 86_400.0  # seconds
_WORDS = {
    "server_error": 500,
    "server": 500,
    "rate_limit_exceeded": 429,
    "provider_overloaded": 503,
    "provider_unavailable": 502,
    "timeout": 504,
    "context_length_exceeded": 400,
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "not_found": 404,
}


def _code(*candidates: object) -> int | None:
    for candidate in candidates:
        number = _WORDS.get(str(candidate)) or whole(candidate)
        if number is not None and 400 <= number < 600:
            return number
    return None


def _kinds(
    error: Mapping[str, Any], metadata: Mapping[str, Any], availability: Mapping[str, Any]
) -> list[str]:
    named = [error.get("type"), error.get("error_type"), metadata.get("error_type"), availability.get("code")]
    code = error.get("code")
    if isinstance(code, str) and not code.isdigit():
        named.append(code)
    constraint = table(availability.get("constraint")).get("field")
    return [str(name) for name in [*named, constraint] if name]


def _provider(metadata: Mapping[str, Any]) -> str | None:
    if name := metadata.get("provider_name"):
        return str(name)
    previous = metadata.get("previous_errors")
    if isinstance(previous, list) and previous and isinstance(previous[-1], Mapping):
        name = previous[-1].get("provider")
        return str(name) if name else None
    return None


def _reset_at(value: object, now: datetime) -> datetime | None:
    """The reset time from epoch seconds, epoch milliseconds or seconds from now; all three occur."""
    number = to_decimal(value)
    if number is None or number < 0:
        return None
    seconds = float(number)
    if seconds > 1e11:
        seconds /= 1000
    if seconds < 1e8:
        return now + timedelta(seconds=seconds)
    with contextlib.suppress(OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(seconds, UTC)
    return None


def _retry_after(
    header: str | None, availability: Mapping[str, Any], metadata: Mapping[str, Any], now: datetime
) -> float | None:
    for value in (header, availability.get("retry_after"), metadata.get("retry_after_seconds")):
        number = to_decimal(value)
        if number is not None and number >= 0:
            return min(float(number), _LONGEST_RETRY)
        if isinstance(value, str) and re.match(r"[A-Z][a-z]{2}, ", value):
            with contextlib.suppress(ValueError, TypeError):  # no date, or one without a time zone
                wait = (parsedate_to_datetime(value) - now).total_seconds()
                return min(max(0.0, wait), _LONGEST_RETRY)
    return None
