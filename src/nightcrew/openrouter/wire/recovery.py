"""The reaction to faults: one table, used by both the code and the documentation.

Each kind of fault has a row: how it is recognised, its class, what happens next, and who is charged with it.
The first row whose signs match a reply applies. Only faults charged to the model affect the estimate of its
skill.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.openrouter.wire.replies import Trouble


class FaultClass(StrEnum):
    """The classes of faults."""

    TRANSIENT = "transient"  # may pass without a change
    QUOTA = "quota"  # the account's quota is used up for now
    MODEL_UNFIT = "model unfit"  # this model cannot serve this request
    POOR_WORK = "poor work"  # the model answered, but its work is not good
    ACCOUNT = "account"  # every call of the crew would fail in the same way
    BUDGET = "budget"  # our own cap
    OURS = "ours"  # our machine or services


class Next(StrEnum):
    """What happens next."""

    RETRY = "retry in place"
    WAIT = "wait until"
    NEXT_MODEL = "next model"
    LARGER_CONTEXT = "larger context"
    ESCALATE = "escalate"
    STOP = "stop"


class Charged(StrEnum):
    """Who is charged with the fault."""

    MODEL = "model"
    PROVIDER = "provider"
    US = "us"
    NO_ONE = "no one"


class Rests(StrEnum):
    """What is not called for a while."""

    NOTHING = "-"
    MODEL = "the model"
    GONE = "the model, until the catalogue lists it anew"
    FREE_MODELS = "all free models"
    CREW = "the crew"


@dataclass(frozen=True, slots=True)
class Signs:
    """How a reply is recognised: by its status and, if given, words in its text."""

    statuses: frozenset[int] = frozenset()
    words: re.Pattern[str] | None = None
    platform: bool | None = None

    def fit(self, trouble: Trouble) -> bool:
        """True if all given signs are present."""
        return (
            trouble.status in self.statuses
            and (self.words is None or self.words.search(trouble.text) is not None)
            and (self.platform is None or self.platform == trouble.platform)
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of fault."""

    fault: str
    seen_as: str
    fault_class: FaultClass
    next: Next
    charged: Charged
    rests: Rests = Rests.NOTHING
    signs: tuple[Signs, ...] = ()  # of a reply
    ends: frozenset[AttemptEnd] = frozenset()  # of an attempt


def _on(*statuses: int, words: str = "", platform: bool | None = None) -> tuple[Signs, ...]:
    return (Signs(frozenset(statuses), re.compile(words, re.IGNORECASE) if words else None, platform),)


_CONTEXT = (
    r"context_length_exceeded|token_limit_exceeded|string_too_long|context (length|window)|maximum context"
    r"|prompt is too long|reduce the length|available context size"
)
_NO_SUCH_MODEL = r"model_(not_found|deprecated)|not a valid model|model .{0,80}(not found|not exist)"
_C, _N, _W, _R = FaultClass, Next, Charged, Rests

# fmt: off
TABLE: tuple[Row, ...] = (
    # The account
    Row("key_limit", "401, 402 or 403: the key's own spending limit, or the workspace's budget, is reached",
        _C.ACCOUNT, _N.STOP, _W.US, _R.CREW,
        _on(401, 402, 403, words=r"key limit|limit exceeded|workspace budget|budget (has been )?exceeded")),
    Row("unauthorized", "401: the key is wrong, disabled or expired",
        _C.ACCOUNT, _N.STOP, _W.US, _R.CREW, _on(401)),
    Row("too_expensive", "402: the credits do not pay for this many tokens",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.US, _R.NOTHING,
        _on(402, words=r"can only afford|fewer max_tokens")),
    Row("payment_required", "402: no credits; with a negative balance, free models answer this too",
        _C.ACCOUNT, _N.STOP, _W.US, _R.CREW, _on(402)),
    # The account's quota of calls to free models
    Row("quota_day", "429 of the platform: free-models-per-day",
        _C.QUOTA, _N.WAIT, _W.US, _R.FREE_MODELS, _on(429, words=r"per-day|per day|daily", platform=True)),
    Row("quota_minute", "429 of the platform: free-models-per-min, or X-RateLimit headers",
        _C.QUOTA, _N.WAIT, _W.US, _R.FREE_MODELS,
        _on(429, platform=True)),
    # The model is not available
    Row("price_rose", "404 or 503: no endpoint at the price that was reserved",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.PROVIDER, _R.NOTHING,
        _on(400, 404, 503, words=r"max_price|max price")),
    Row("free_period_ended", "404: the free variant has ended",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.PROVIDER, _R.GONE,
        _on(400, 404, 410, words=r"free_variant_ended|free .{0,80}period has ended|migrate to")),
    Row("no_tool_use", "404: no endpoint of this model supports tools",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.NO_ONE, _R.NOTHING,
        _on(400, 404, words=r"support tool use|does not support tools|tool.?choice.{0,40}not supported")),
    Row("data_policy", "404: the account's privacy settings allow no endpoint of this model",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.US, _R.GONE,
        _on(403, 404, words=r"data policy|privacy_restricted|privacy settings")),
    Row("region", "403: not offered in this region",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.NO_ONE, _R.GONE,
        _on(403, words=r"region_restricted|not available in your (region|country)")),
    Row("model_gone", "404, or 400 with the model's name: removed, deprecated or unknown",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.PROVIDER, _R.GONE,
        (*_on(404, 410), *_on(400, words=_NO_SUCH_MODEL))),
    # The request does not suit the model
    Row("context_overflow", "400, 413 or 422: the conversation is longer than the model's context",
        _C.MODEL_UNFIT, _N.LARGER_CONTEXT, _W.NO_ONE, _R.NOTHING,
        (*_on(400, 422, 500, 502, words=_CONTEXT), *_on(413))),
    Row("refused_content", "403, a content-policy error or finish_reason content_filter: moderation refused",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.NO_ONE, _R.NOTHING,
        _on(400, 403, 451, words=r"moderation|flagged|content.?policy|content.?filter|guardrail|refusal")),
    Row("forbidden", "403: this key may not use this model",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.NO_ONE, _R.NOTHING, _on(403)),
    Row("invalid_request", "400, 405, 412, 415 or 422: this model's endpoint refuses the request",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.NO_ONE, _R.NOTHING, _on(400, 405, 406, 409, 412, 415, 422)),
    # The provider fails
    Row("upstream_rate_limit", "429 of a provider: this model is busy, the account is not",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL, _on(429)),
    Row("upstream_timeout", "408, 504 or 524",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL, _on(408, 504, 524)),
    Row("provider_failed", "502", _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL, _on(502)),
    Row("provider_overloaded", "503 or 529",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL, _on(503, 529)),
    Row("server_error", "500 and any other status from 500 on",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL,
        _on(*(set(range(500, 600)) - {502, 503, 504, 524, 529}))),
    Row("unknown_status", "any other status that is not an answer",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL, _on(*range(400, 500))),
    # No reply, or a reply that is not an answer
    Row("connection_failed", "no connection: name, network, refused, TLS",
        _C.TRANSIENT, _N.RETRY, _W.US, _R.NOTHING),
    Row("connection_lost", "the connection broke before the answer was complete",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL),
    Row("timeout", "no complete answer within a call's wall-clock limit",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL),
    Row("not_json", "a body that is not a JSON object, such as an HTML error page",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL),
    Row("error_in_200",
        "HTTP 200 with an error of unknown code in it; with a known code, that code's row applies",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL),
    Row("mid_stream_error", "an incomplete answer: finish_reason error, or a stream without its end",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL),
    Row("empty_completion", "neither text nor a tool call, or no choices at all",
        _C.TRANSIENT, _N.NEXT_MODEL, _W.PROVIDER, _R.MODEL),
    Row("abandoned", "we cancelled the call because the attempt ended", _C.OURS, _N.STOP, _W.NO_ONE),
    # Our own caps
    Row("budget_reached",
        "the worst case of the next call does not fit the budget of call, attempt, task, batch, day"
        " or month",
        _C.BUDGET, _N.STOP, _W.NO_ONE, ends=frozenset({AttemptEnd.BUDGET})),
    Row("price_unknown", "no price is published, and none is configured",
        _C.BUDGET, _N.NEXT_MODEL, _W.NO_ONE),
    # The agent's work
    Row("prose", "the model answers with text and does not act",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.PROSE})),
    Row("invalid_output", "malformed or unknown tool calls, edits that cannot be applied",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.INVALID_OUTPUT})),
    Row("truncated", "the output limit cut the answer or tool call",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.TRUNCATED})),
    Row("stuck", "the same action again and again",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.STUCK})),
    Row("iteration_limit", "too many model calls",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.ITERATION_LIMIT})),
    Row("wall_time", "the attempt's time limit is reached",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.WALL_TIME})),
    Row("sandbox_killed",
        "the attempt's processes exceeded a limit (memory, processes, files), or a signal ended the agent",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.KILLED})),
    Row("model_unfit",
        "the attempt ended because its model cannot do it: gone, no tool use, context, refusal",
        _C.MODEL_UNFIT, _N.NEXT_MODEL, _W.NO_ONE, ends=frozenset({AttemptEnd.MODEL_UNFIT})),
    Row("rejected", "the verdict: not good enough; its reasons go to the next attempt",
        _C.POOR_WORK, _N.NEXT_MODEL, _W.MODEL, ends=frozenset({AttemptEnd.FINISHED})),
    Row("not_measurable", "the verdict: a gate could not measure it", _C.OURS, _N.ESCALATE, _W.NO_ONE),
    # Our side
    Row("infrastructure", "the attempt ended because no model could be reached, or our own side failed",
        _C.OURS, _N.RETRY, _W.US, ends=frozenset({AttemptEnd.INFRASTRUCTURE})),
    Row("cancelled", "a person cancelled it",
        _C.OURS, _N.STOP, _W.NO_ONE, ends=frozenset({AttemptEnd.CANCELLED})),
    Row("disk_full", "no space left on this machine", _C.OURS, _N.STOP, _W.US, _R.CREW),
    Row("sandbox_unavailable", "untrusted code cannot be confined here", _C.OURS, _N.STOP, _W.US),
    Row("state_store_down", "PostgreSQL cannot be reached", _C.OURS, _N.RETRY, _W.US),
    Row("prefect_api_down", "the Prefect server cannot be reached", _C.OURS, _N.RETRY, _W.US),
)
# fmt: on

_BY_NAME = {row.fault: row for row in TABLE}


def row_of(fault: str) -> Row:
    """The row of a fault, by its name in records.

    Raises:
        KeyError: the table has no such fault.
    """
    return _BY_NAME[fault]


def classify(trouble: Trouble) -> Row:
    """The row of a reply that reports an error."""
    fitting = (row for row in TABLE if any(signs.fit(trouble) for signs in row.signs))
    return next(fitting, _BY_NAME["error_in_200"])


def documentation(rows: Iterable[Row] = TABLE) -> str:
    """The table as Markdown, for `docs/recovery.md`."""
    head = "| fault | seen as | class | next | charged | rests |\n|---|---|---|---|---|---|"
    lines = [
        f"| `{row.fault}` | {row.seen_as} | {row.fault_class} | {row.next} | {row.charged} | {row.rests} |"
        for row in rows
    ]
    return "\n".join([head, *lines])
