"""The form of a line of the audit log: one JSON object in ASCII, and its hash over the line before it.

No text in a line can pass for another line, because JSON in ASCII has line breaks and control characters only
as escapes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

from nightcrew.plain_text import harmless
from nightcrew.queue.audit.actor import Actor
from nightcrew.secrets.redaction import redact

MOST_TEXT = 400  # characters of one text in a line
MOST_ITEMS = 1_000  # of one list or mapping in a line

type Value = str | int | float | bool | list[Value] | dict[str, Value] | None


class Act(StrEnum):
    """What was asked for, or done."""

    SUBMIT = "submit"  # a task
    CANCEL = "cancel"
    END = "end"  # of a task: completed or failed
    ASK = "ask"  # a person, about a change
    ANSWER = "answer"  # of a person
    ROUND = "round"  # a review or a check lets an accepted change be worked on again
    DELIVER = "deliver"  # as a branch
    PULL_REQUEST = "pull_request"
    APPLY = "apply"  # to a person's checkout
    SETTINGS = "settings"  # of a crew that starts
    KEY = "key"  # the account, or a repository's token
    SCHEDULE = "schedule"
    START = "start"  # of the crew
    STOP = "stop"
    HALT = "halt"  # the crew stops its work until a person resumes it
    RESUME = "resume"
    MIGRATION = "migration"  # of the state store
    BACKUP = "backup"
    RESTORE = "restore"
    PRUNE = "prune"  # of old lines of this log


def make_line(
    number: int, at: datetime, act: Act, about: str, actor: Actor, details: Mapping[str, object]
) -> str:
    """The line: secrets are redacted, and long texts are cut."""
    who = {name: cleaned(value) for name, value in asdict(actor).items()}
    fields = {"number": number, "at": at.isoformat(), "act": str(act), "about": about, **who}
    return json.dumps({**fields, "details": cleaned(details)}, separators=(",", ":"))


def subject(about: str) -> str:
    """`about` as it is stored: harmless, without secrets, and not too long."""
    return str(cleaned(about))


def chained(before: str, line: str) -> str:
    """The hash of a line that follows the one with the hash `before`; empty before the first one."""
    return hashlib.sha256(f"{before}\n{line}".encode()).hexdigest()


def cleaned(value: object) -> Value:
    """`value` as it is stored: JSON, harmless, without secrets, and not too long."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): cleaned(item) for name, item in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned(item) for item in list(value)[:MOST_ITEMS]]
    text = harmless(redact(str(value)))
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"
