"""The meaning of each error of the OpenHands SDK and LiteLLM, as one table.

It uses plain data (exception name, HTTP status, text), so that the trusted side needs neither library. The
rows were found by running the SDK against a server with each of these failures; the first match applies. The
SDK's own classification is not used because it is partly wrong: it calls 402, 403 and 413 transient.
"""

from dataclasses import dataclass

from nightcrew.errors import AccountStopped, BudgetReached, Fatal, ModelUnfit, NightcrewError, Transient
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.openhands.inside.protocol import ErrorFacts


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One condition: how it shows, what it is, what to do next. Every condition that is named must hold."""

    meaning: str
    treatment: type[NightcrewError]
    names: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    words: tuple[str, ...] = ()

    def fits(self, error: ErrorFacts) -> bool:
        """True if the error matches this row."""
        return (
            (not self.names or bool(self.names & {error.name, error.cause}))
            and (not self.statuses or error.status in self.statuses)
            and (not self.words or any(word in error.text.lower() for word in self.words))
        )

    @property
    def end(self) -> AttemptEnd:
        """The end of an attempt with this error."""
        if self.treatment is ModelUnfit:
            return AttemptEnd.MODEL_UNFIT
        return AttemptEnd.BUDGET if self.treatment is BudgetReached else AttemptEnd.INFRASTRUCTURE


def classify_error(error: ErrorFacts) -> ErrorRow:
    """The row of `error`; the last row matches every unknown error."""
    return next((row for row in ERROR_TABLE if row.fits(error)), UNKNOWN)


ERROR_TABLE = (
    ErrorRow(
        "the context window of the model is too small",
        ModelUnfit,
        names=frozenset({"LLMContextWindowExceedError", "LLMContextWindowTooSmallError"}),
    ),
    ErrorRow(
        "the context window of the model is too small",
        ModelUnfit,
        statuses=frozenset({400, 413}),
        words=("context length", "context window", "reduce the length"),
    ),
    ErrorRow(
        "the provider's content filter refused the request",
        ModelUnfit,
        names=frozenset({"LLMContentPolicyViolationError"}),
    ),
    ErrorRow(
        "the model cannot follow the history of its own tool calls",
        ModelUnfit,
        names=frozenset({"LLMMalformedConversationHistoryError"}),
    ),
    ErrorRow(
        "the budget or the account's credits are used up",
        BudgetReached,
        statuses=frozenset({402}),
    ),
    ErrorRow(
        "the account is refused",
        AccountStopped,
        names=frozenset({"LLMAuthenticationError"}),
    ),
    ErrorRow("the account is refused", AccountStopped, statuses=frozenset({401})),
    ErrorRow("the provider forbids this request", ModelUnfit, statuses=frozenset({403})),
    ErrorRow(
        "the day's quota is used up",
        BudgetReached,
        statuses=frozenset({429}),
        words=("per-day", "per day", "daily"),
    ),
    ErrorRow("the rate limit is reached", Transient, statuses=frozenset({429})),
    ErrorRow(
        "the rate limit is reached",
        Transient,
        names=frozenset({"LLMRateLimitError"}),
    ),
    ErrorRow(
        "the model is gone or no endpoint of it can use tools",
        ModelUnfit,
        statuses=frozenset({404, 410}),
    ),
    ErrorRow("the gateway can reach no model now", Transient, statuses=frozenset({424})),
    ErrorRow("no answer in time", Transient, statuses=frozenset({408, 504})),
    ErrorRow("no answer in time", Transient, names=frozenset({"LLMTimeoutError"})),
    ErrorRow("the request is too large for the model", ModelUnfit, statuses=frozenset({413})),
    ErrorRow(
        "the model does not accept the request",
        ModelUnfit,
        statuses=frozenset({400, 422}),
    ),
    ErrorRow(
        "the model does not accept the request",
        ModelUnfit,
        names=frozenset({"LLMBadRequestError", "FunctionCallValidationError", "FunctionCallConversionError"}),
    ),
    ErrorRow(
        "the provider has a fault",
        Transient,
        statuses=frozenset({200, 500, 502, 503, 520, 521, 522, 523, 524, 529}),
    ),
    ErrorRow(
        "the provider cannot be reached or does not answer",
        Transient,
        names=frozenset({"LLMServiceUnavailableError", "LLMNoResponseError", "APIConnectionError"}),
    ),
    ErrorRow(
        "the provider has a fault",
        Transient,
        names=frozenset({"APIError", "BadGatewayError", "InternalServerError"}),
    ),
    ErrorRow(
        "the SDK cannot be loaded or has changed",
        Fatal,
        names=frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "TypeError"}),
    ),
    ErrorRow(
        "the SDK has a fault of its own",
        Transient,
        names=frozenset({"KeyError", "AssertionError", "ValidationError", "PydanticSerializationError"}),
    ),
)

UNKNOWN = ErrorRow("an error that is not in the table", Transient)
