"""What an attempt and its models said to each other, kept as evidence: redacted, and not for ever.

One JSON object a line. A conversation is sent whole with each call; only what is new in it is written.
Nothing of it is ever logged.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.wire.answers import Outcome, first_choice

log = logging.getLogger(__name__)

FILE_NAME = "calls.jsonl"

# Forms of secrets that are known by sight; whatever repository the agent works in may hold one.
_SECRETS = re.compile(
    r"""
    sk-[A-Za-z0-9_\-]{16,}                                   # model providers
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,}
    | glpat-[A-Za-z0-9_\-]{16,} | xox[abposr]-[A-Za-z0-9\-]{10,}
    | AKIA[0-9A-Z]{16} | AIza[A-Za-z0-9_\-]{30,} | pypi-[A-Za-z0-9_\-]{30,}
    | eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{5,}  # JSON web tokens
    | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z\ ]*PRIVATE\ KEY-----|\Z)
    | (?<=://)[^/\s:@"']+:[^/\s@"']+(?=@)                    # user:password in an address
    | (?i:(?<=bearer\ ))[A-Za-z0-9._~+/\-]{16,}=*
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMED = re.compile(
    r"""(?ix)
    \b([a-z0-9_\-]*(?:api[_\-]?key|secret|token|passw(?:or)?d|credential)[a-z0-9_\-]*)
    (["']?\s*[:=]\s*["']?)
    ([^\s"',;}{)(\]\[<>]{8,})
    """
)


def redact(text: str) -> str:
    """`text` without what looks like a secret; code that only names one may lose a word too."""
    return _NAMED.sub(r"\1\2[redacted]", _SECRETS.sub("[redacted]", text))


class Transcript:
    """Writes one attempt's conversation to `folder`; a full disk costs the transcript, not the attempt."""

    def __init__(self, folder: Path, *, redact_key: Callable[[str], str]) -> None:
        self._path = folder / FILE_NAME
        self._redact_key = redact_key
        self._lock = threading.Lock()
        self._known: list[Any] = []

    def write(self, call: ModelCall, request: Mapping[str, Any], outcome: Outcome) -> None:
        """Adds one call with what was new in its request, and its answer."""
        with self._lock:
            messages = list(request.get("messages") or ())
            shared = _shared(self._known, messages)
            self._known = messages
            line = {
                "call_id": call.call_id,
                "at": call.started_at.isoformat(),
                "model": call.served_model or call.asked_model,
                "fault": call.fault,
                "from_message": shared,
                "messages": _clean(messages[shared:], self._clean_text),
                "answer": _clean(first_choice(outcome.body or {}).get("message"), self._clean_text),
            }
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            except OSError as error:
                log.warning("call %s is missing in the transcript: %s", call.call_id, error.strerror)

    def _clean_text(self, text: str) -> str:
        return redact(self._redact_key(text))


def forget_transcripts(results_dir: Path, *, before: datetime) -> int:
    """Deletes the transcripts below `results_dir` that were last written before then; returns how many."""
    forgotten = 0
    for path in results_dir.rglob(FILE_NAME):
        if not path.is_symlink() and path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)
            forgotten += 1
    return forgotten


# ----------------------------------------------------------------------------------------------------


def _shared(known: list[Any], messages: list[Any]) -> int:
    """How many messages at the beginning are the same."""
    count = 0
    for ours, theirs in zip(known, messages, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _clean(value: Any, clean: Callable[[str], str]) -> Any:
    """Text by text, so that a secret's end is not hidden by how JSON writes it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {name: _clean(item, clean) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, clean) for item in value]
    return value
