"""Writes and reads the files of a task's results.

results/TASK/change.patch          the accepted change
results/TASK/verdict.json          the verdict on it
results/TASK/review.json           a person's answer
results/TASK/attempt-N/            attempt.patch, verdict.json and the folder evidence/
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from nightcrew.execution.attempt import Attempt
from nightcrew.queue.reviews import Review
from nightcrew.secrets.redaction import redact_known
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.published import published_patch

_VERDICT = TypeAdapter(Verdict)
_REVIEW = TypeAdapter(Review)
_PATCH, _VERDICT_FILE = "attempt.patch", "verdict.json"


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one task in its own folder; nothing is created before something is written."""

    folder: Path

    def of_attempt(self, number: int) -> Path:
        """The folder of an attempt."""
        return self.folder / f"attempt-{number}"

    def evidence(self, number: int) -> Path:
        """The folder with the evidence of gates and gateway about an attempt."""
        return self.of_attempt(number) / "evidence"

    def keep(self, attempt: Attempt, verdict: Verdict) -> None:
        """Write an attempt's change and its verdict; a rejected change is redacted."""
        folder = made(self.of_attempt(attempt.number))
        refused = verdict.kind is VerdictKind.REJECTED  # it will never be applied
        patch = redact_known(published_patch(attempt.patch)) if refused else attempt.patch
        (folder / _PATCH).write_bytes(patch.encode())
        (folder / _VERDICT_FILE).write_bytes(_VERDICT.dump_json(verdict, indent=1, fallback=str))

    def keep_change(self, number: int) -> Path:
        """Copy an attempt's change and verdict to the task's folder; returns the path of the change."""
        attempt = self.of_attempt(number)
        shutil.copyfile(attempt / _VERDICT_FILE, self.folder / _VERDICT_FILE)
        return Path(shutil.copyfile(attempt / _PATCH, self.folder / "change.patch"))

    def keep_review(self, review: Review) -> None:
        """Write a person's question and answer."""
        (self.folder / "review.json").write_bytes(_REVIEW.dump_json(review, indent=1, exclude_none=True))

    def patch(self, number: int) -> str:
        """An attempt's change, read as bytes because text mode would convert line ends; may be empty."""
        path = self.of_attempt(number) / _PATCH
        return path.read_bytes().decode() if path.is_file() else ""

    def verdict(self, number: int) -> Verdict | None:
        """The verdict on an attempt with all its gates; None if its file is missing or damaged."""
        try:
            return _VERDICT.validate_json((self.of_attempt(number) / _VERDICT_FILE).read_bytes())
        except (OSError, ValidationError):
            return None


def made(folder: Path) -> Path:
    """`folder`, created if it was missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
