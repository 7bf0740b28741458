"""One sweep: measures a repository and submits tasks about what is proven least, within a budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from nightcrew.crew import dispatch
from nightcrew.errors import QueueFull
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.execution.sandbox import settled_sandbox
from nightcrew.plain_text import code_span, comment_text
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.work.sweep.choice import Choice, Proof, choices
from nightcrew.work.sweep.measure import measured
from nightcrew.work.sweep.terms import Sweep

MOST_KNOWN = 5_000
_MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep measured, what it chose, and the tasks that it submitted for it."""

    repo: str
    commit: str
    batch: str
    proofs: Sequence[Proof]
    chosen: Sequence[Choice]
    task_ids: Sequence[str]
    problem: str = ""  # why not all that was chosen was submitted

    def __str__(self) -> str:
        tail = f"; {self.problem}" if self.problem else ""
        return (
            f"{self.repo}: {len(self.proofs)} modules measured, {len(self.task_ids)} tasks submitted as "
            f"batch {self.batch}{tail}"
        )


def sweep(settings: Settings, terms: Sweep, *, is_trial: bool = False, now: datetime | None = None) -> Swept:
    """Measure, choose and submit; with `is_trial`, nothing is submitted. A second sweep on the same day adds
    nothing to what the first one has submitted.

    Raises:
        BadInput: the repository cannot be read, or its tests cannot be run.
        Transient: not now.
    """
    now = now or datetime.now(UTC)
    credentials = Credentials(settings.credentials_dir)
    commit = resolve_commit(terms.repo, terms.base, credentials=credentials)
    proofs = measured(settings, settled_sandbox(settings), terms, commit)
    mark = sha256(terms.repo.encode()).hexdigest()[:6]
    batch = f"sweep-{mark}-{now:%Y-%m-%d}"
    with dispatch.open_queue(settings) as queue:
        known = queue.list(repo=terms.repo, limit=MOST_KNOWN)
    chosen = _free(choices(proofs), known, terms, batch, now)
    done = Swept(terms.repo, commit, batch, proofs, chosen, ())
    if is_trial:
        return done
    ids: list[str] = []
    for choice in chosen:
        try:
            ids.append(dispatch.submit(settings, _task(choice, terms, batch)).task_id)
        except QueueFull as error:  # the next sweep finds the same modules
            return replace(done, task_ids=tuple(ids), problem=str(error))
    return replace(done, task_ids=tuple(ids))


def sweep_page(found: Swept) -> str:
    """The measures as a page in Markdown, the least proven module first; names in it are no markup."""
    rows = sorted(found.proofs, key=lambda one: (one.tested, one.explained, -one.changes, one.path))
    lines = [
        f"Sweep of {code_span(found.repo)} at {code_span(found.commit[:12])}.",
        "",
        "| module | statements run by tests | faults noticed | docstrings | commits |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {code_span(one.path)} | {one.run} of {one.lines} | "
            f"{f'{one.noticed} of {one.faults}' if one.faults else '–'} | {one.documented} of {one.public} | "
            f"{one.changes} |"
            for one in rows[:_MOST_ROWS]
        ),
        "",
        *(f"- {one.task_type}: {comment_text(one.description)}" for one in found.chosen),
    ]
    return "\n".join([*lines, "", found.problem])


# ---------------------------------------------------------------------------------------------------------


def _free(
    wanted: Sequence[Choice], known: Sequence[QueuedTask], terms: Sweep, batch: str, now: datetime
) -> list[Choice]:
    """The choices about which there was no task lately, as many as are left of this sweep."""
    since = now - timedelta(days=terms.rest_days)
    busy = {
        (one.task.task_type, one.task.target_file)
        for one in known
        if one.submitted_at >= since or not one.status.is_final
    }
    left = terms.most_tasks - sum(one.task.batch == batch for one in known)
    return [one for one in wanted if (one.task_type, one.path) not in busy][: max(left, 0)]


def _task(choice: Choice, terms: Sweep, batch: str) -> Task:
    mark = sha256(f"{batch} {choice.task_type} {choice.path}".encode()).hexdigest()[:12]
    return Task(
        task_id=f"t-{mark}",
        description=choice.description,
        repo=terms.repo,
        base=terms.base,
        task_type=choice.task_type,
        target_file=choice.path,
        priority=terms.priority,
        deliver=terms.deliver,
        batch=batch,
        batch_cost_usd=terms.budget_usd,
    )
