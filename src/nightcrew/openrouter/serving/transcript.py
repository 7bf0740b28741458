"""Transcripts: an attempt's conversation as evidence, redacted and deleted after some days.

One JSON object per line. Each call contains the whole conversation; only its new part is written. Nothing of
it is ever logged.
"""

import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.wire.answers import Outcome, first_choice
from nightcrew.secrets.redaction import redact
from nightcrew.settings import Settings
from nightcrew.shared_files import RESULTS, shared_files

log = logging.getLogger(__name__)

FILE_NAME = "calls.jsonl"


class Transcript:
    """Writes one attempt's conversation to `folder`; a failed write loses lines, not the attempt."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._known: list[Any] = []

    def write(self, call: ModelCall, request: Mapping[str, Any], outcome: Outcome) -> None:
        """Add one call: the new part of its request, and its answer."""
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
                "messages": _clean(messages[shared:]),
                "answer": _clean(first_choice(outcome.body or {}).get("message")),
            }
            if outcome.original is not None:
                line["answer_as_it_came"] = _clean(first_choice(outcome.original).get("message"))
            try:
                if not shared:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps(line, ensure_ascii=False, default=str) + "\n"
                with self._path.open("ab") as file:
                    file.write(text.encode(errors="replace"))
            except OSError as error:
                log.warning("call %s is missing from the transcript: %s", call.call_id, error.strerror)


def forget_prompts(settings: Settings) -> int:
    """Delete transcripts that the settings no longer allow, here and in the shared files; their number."""
    before = datetime.now(UTC) - timedelta(days=settings.keep_prompts_days)
    forgotten = forget_transcripts(settings.results_dir, before=before)
    if shared := shared_files(settings):
        for name, stored in shared.list(RESULTS).items():
            if name.endswith(f"/{FILE_NAME}") and stored.sent_at < before.timestamp():
                shared.delete(f"{RESULTS}/{name}")
                forgotten += 1
    return forgotten


def forget_transcripts(results_dir: Path, *, before: datetime) -> int:
    """Delete transcripts below `results_dir` that were last written before that time; returns the number."""
    forgotten = 0
    for path in results_dir.rglob(FILE_NAME):
        if not path.is_symlink() and path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)
            forgotten += 1
    return forgotten


# ----------------------------------------------------------------------------------------------------


def _shared(known: list[Any], messages: list[Any]) -> int:
    """The number of equal messages at the start."""
    count = 0
    for ours, theirs in zip(known, messages, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _clean(value: Any) -> Any:
    """Redact each text before JSON escaping, which could hide the end of a secret."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
