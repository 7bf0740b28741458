"""The wire format of each refusal: HTTP status, message and metadata.

`{model}`, `{slug}`, `{provider}` and `{context}` are filled in. `error.code` is the status, 502 where
that is 200.
"""

from collections.abc import Mapping
from typing import Any

from nightcrew.testing.scenario import FaultKind

type Form = tuple[int, str, Mapping[str, Any]]

FORMS: Mapping[FaultKind, Form] = {
    FaultKind.UNAUTHORIZED: (401, "User not found.", {"error_type": "authentication"}),
    FaultKind.PAYMENT_REQUIRED: (
        402,
        "Insufficient credits. Add more using the credits page",
        {"error_type": "payment_required"},
    ),
    FaultKind.MODERATION: (
        403,
        "{model} requires moderation. Your input was flagged",
        {
            "reasons": ["violence"],
            "flagged_input": "...",
            "provider_name": "{provider}",
            "model_slug": "{model}",
            "error_type": "content_policy_violation",
        },
    ),
    FaultKind.GUARDRAIL: (
        403,
        "Request blocked by a guardrail",
        {"patterns": ["secret"], "error_type": "permission_denied"},
    ),
    FaultKind.NO_ENDPOINTS: (404, "No endpoints found for {model}.", {"error_type": "not_found"}),
    FaultKind.NO_TOOL_USE: (
        404,
        "No endpoints found that support tool use. To learn more, see the documentation.",
        {"error_type": "not_found"},
    ),
    FaultKind.DATA_POLICY: (
        404,
        "No endpoints found matching your data policy (Free model training).",
        {"error_type": "not_found"},
    ),
    FaultKind.FREE_ENDED: (
        404,
        "The free {model} period has ended. To continue using this model, "
        "please migrate to the paid slug: {slug}",
        {"error_type": "not_found", "availability": {"code": "free_variant_ended", "retryable": False}},
    ),
    FaultKind.BAD_REQUEST: (400, "Invalid request", {"error_type": "invalid_request"}),
    FaultKind.CONTEXT_LENGTH: (
        400,
        "This endpoint's maximum context length is {context} tokens. However, you requested more. "
        "Please reduce the length of either one, or use the context-compression plugin.",
        {"error_type": "context_length_exceeded", "provider_name": "{provider}"},
    ),
    FaultKind.REQUEST_TIMEOUT: (408, "Request timed out", {"error_type": "timeout"}),
    FaultKind.PAYLOAD_TOO_LARGE: (413, "Request entity too large", {"error_type": "payload_too_large"}),
    FaultKind.UNPROCESSABLE: (422, "Unprocessable request", {"error_type": "unprocessable"}),
    FaultKind.RATE_LIMIT_UPSTREAM: (
        429,
        "Provider returned error",
        {
            "raw": "{model} is temporarily rate-limited upstream. Please retry shortly.",
            "provider_name": "{provider}",
            "provider_code": 429,
            "error_type": "rate_limit_exceeded",
        },
    ),
    FaultKind.CAPACITY_EXHAUSTED: (
        429,
        "No capacity is left for {model}",
        {
            "error_type": "rate_limit_exceeded",
            "provider_code": "capacity",
            "availability": {"code": "capacity_exhausted", "retryable": True, "retry_after": 5},
        },
    ),
    FaultKind.SERVER_ERROR: (500, "Internal Server Error", {"error_type": "server"}),
    FaultKind.BAD_GATEWAY: (
        502,
        "Provider returned error",
        {
            "provider_name": "{provider}",
            "raw": "upstream connect error",
            "error_type": "provider_unavailable",
        },
    ),
    FaultKind.UNAVAILABLE: (
        503,
        "There is no available model provider that meets your routing requirements",
        {"error_type": "provider_overloaded"},
    ),
    FaultKind.GATEWAY_TIMEOUT: (504, "The provider timed out", {"error_type": "timeout"}),
    FaultKind.OVERLOADED: (
        529,
        "Provider is overloaded",
        {"provider_name": "{provider}", "error_type": "provider_overloaded"},
    ),
    FaultKind.ERROR_IN_200: (
        200,
        "Provider returned error",
        {"provider_name": "{provider}", "raw": "upstream failed", "error_type": "provider_unavailable"},
    ),
}
