"""What each character and each kind of fault does, in words for the page about scenarios."""

from collections.abc import Mapping

from nightcrew.testing.fault_forms import FORMS
from nightcrew.testing.scenario import Character, FaultKind

CHARACTERS: Mapping[Character, str] = {
    Character.CAPABLE: "writes the solution's `good` files",
    Character.LAZY: "writes `vacuous` files: tests that check nothing",
    Character.CHEATER: "writes `cheat` files, and says that all tests pass",
    Character.WRONG: "writes `wrong` files",
    Character.STUCK: "repeats the same action, or an edit that fits nowhere",
    Character.TALKER: "answers with text and never acts",
    Character.FORMLESS: "knows the right files, and writes them without tool calls and without their names",
    Character.WANDERER: "looks at something else in every turn and never ends",
    Character.FLAKY: "works well, but three of ten calls fail at its provider",
    Character.SLOW: "works well, but waits before each answer",
    Character.OUT_OF_QUOTA: "is refused, because the account's free calls of the day are used up",
    Character.TRUNCATOR: "each answer is cut in half by the output limit",
    Character.SKILL: "is right with the probability `skill`, drawn once per model and task; else wrong",
}

_OTHERS: Mapping[FaultKind, str] = {
    FaultKind.RATE_LIMIT_MINUTE: "429 of the account: its free calls of the minute are used up",
    FaultKind.RATE_LIMIT_DAY: "429 of the account: its free calls of the day are used up",
    FaultKind.HTML_BODY: "502 with a page in HTML",
    FaultKind.MIDSTREAM_ERROR: "an error in the middle of a stream that began with 200",
    FaultKind.MIDSTREAM_DROP: "the connection is closed in the middle of the answer",
    FaultKind.DROPPED: "the connection is closed before an answer",
    FaultKind.DRIP: "the answer comes in small pieces, in `seconds` altogether",
    FaultKind.LATENCY: "the answer comes `seconds` later",
    FaultKind.NO_CHOICES: "an answer without choices",
    FaultKind.NO_USAGE: "an answer without tokens and cost",
    FaultKind.EMPTY: "an answer without text and calls",
    FaultKind.FINISH_ERROR: "an empty answer with the finish reason error",
    FaultKind.TRUNCATED: "an answer that is cut in half, with the finish reason length",
    FaultKind.REFUSAL: "a refusal in words, with the finish reason content_filter",
    FaultKind.PROSE: "text about what it would do",
    FaultKind.MALFORMED_TOOL_CALL: "a call whose arguments are broken JSON that nobody can repair",
    FaultKind.UNKNOWN_TOOL: "a call of a tool that was not offered",
    FaultKind.MISSING_ARGUMENT: "a call without a required argument",
    FaultKind.FORM: "the same answer in the wrong form `form`, see below",
}


def fault_words(kind: FaultKind) -> str:
    """What a kind of fault looks like to a client."""
    if kind not in FORMS:
        return _OTHERS[kind]
    status, message, _ = FORMS[kind]
    return f'{status}: "{message}"'
