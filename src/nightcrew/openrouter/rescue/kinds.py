"""What can be wrong about an answer's form. Data only."""

from enum import StrEnum


class RescueKind(StrEnum):
    """A repair of an answer's form; the ledger counts them by model."""

    TEXT_CALL = "text_call"  # a tool call written into the text
    ARGUMENTS = "arguments"  # arguments that are not a JSON object in a text
    TOOL_NAME = "tool_name"  # another spelling of an offered tool's name
    LEGACY_CALL = "legacy_call"  # `function_call` instead of `tool_calls`
    CALL_LIST = "call_list"  # `tool_calls` of another shape than a list of function calls
    CALL_ID = "call_id"  # a call's id is missing, repeated or too long
    CONTENT_PARTS = "content_parts"  # the text as a list of parts
    THINKING = "thinking"  # reasoning in the text
    HINT = "hint"  # the model was asked again for what could not be repaired; worked: it made a call
    FINISH_REASON = "finish_reason"  # missing, or not what happened
