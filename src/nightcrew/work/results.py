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
from nightcrew.settings import Settings
from nightcrew.shared_files import RESULTS, SharedFiles, shared_files
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.published import published_patch

_VERDICT = TypeAdapter(Verdict)
_REVIEW = TypeAdapter(Review)
CHANGE = "change.patch"
_PATCH, _VERDICT_FILE, _REVIEW_FILE = "attempt.patch", "verdict.json", "review.json"


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one task in its own folder; nothing is created before something is written.

    With `shared` files, what is written is also sent there, and `change.patch` counts from there.

    Raises:
        StoreDown: the shared files cannot be reached.
    """

    folder: Path
    shared: SharedFiles | None = None

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
        if self.shared:
            self.shared.send_folder(folder, f"{self._shared_folder}/{folder.name}")

    def keep_change(self, number: int) -> str:
        """Copy an attempt's change and verdict to the task's folder; returns the change's path or URL."""
        attempt = self.of_attempt(number)
        shutil.copyfile(attempt / _VERDICT_FILE, self.folder / _VERDICT_FILE)
        change = shutil.copyfile(attempt / _PATCH, self.folder / CHANGE)
        self._send(_VERDICT_FILE, CHANGE)
        return self.shared.place(f"{self._shared_folder}/{CHANGE}") if self.shared else str(change)

    def keep_review(self, review: Review) -> None:
        """Write a person's question and answer."""
        (self.folder / _REVIEW_FILE).write_bytes(_REVIEW.dump_json(review, indent=1, exclude_none=True))
        self._send(_REVIEW_FILE)

    def fetch(self) -> Path:
        """Fetch what other hosts have written; returns the folder with all of it."""
        if self.shared:
            self.shared.fetch_folder(self._shared_folder, self.folder)
        return self.folder

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

    # --- private ------------------------------------------------------------------------------------------

    @property
    def _shared_folder(self) -> str:
        return f"{RESULTS}/{self.folder.name}"

    def _send(self, *names: str) -> None:
        for name in names if self.shared else ():
            assert self.shared is not None
            self.shared.send(self.folder / name, f"{self._shared_folder}/{name}")


def results_of(settings: Settings, task_id: str) -> Results:
    """The results of a task, as far as this host knows them; `fetch` brings the rest."""
    return Results(settings.results_dir / task_id, shared_files(settings))


def made(folder: Path) -> Path:
    """`folder`, created if it was missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
