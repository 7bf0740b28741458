"""Delivers accepted changes: the step of a run, and the same for a task that has ended."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from nightcrew.delivery.conflict import Conflict, is_outdated
from nightcrew.delivery.destination import Destination
from nightcrew.delivery.merge_queue import Accepted, Ask, MergeQueue, Publish, as_branch
from nightcrew.errors import NightcrewError
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.git import GitFailed
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.ledger.delivery import deliver as deliver_facts
from nightcrew.queue.deliveries import Deliveries
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.queue.reviews import ACCEPTED_BY_A_PERSON
from nightcrew.queue.state_store import is_down
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import DeliveryKind
from nightcrew.validation.verdict import Verdict
from nightcrew.work.crew import Crew
from nightcrew.work.outcome import Judged, Outcome
from nightcrew.work.published import published
from nightcrew.work.work import Work

log = logging.getLogger(__name__)

NIGHTCREW = "Nightcrew <nightcrew@localhost>"


def deliver(work: Work) -> None:
    """Deliver the accepted change of a task; a conflict goes to the next attempt, or to a person.

    What cannot be delivered for another reason stays an accepted change, which `nightcrew apply` delivers.
    """
    accepted = work.accepted
    if accepted is None:
        return
    work.report_progress(0.9)
    queued = work.crew.queue.get(work.task.task_id)
    trial, kind = work.trials[-1], work.delivery
    found = deliver_change(work.crew, queued, trial, kind, by_a_person=accepted.by_a_person)
    if isinstance(found, Conflict) and not accepted.by_a_person:
        log.info("attempt %s: %s", work.trials[-1].attempt.number, found.verdict.summary)
        work.take_back(published(found.verdict), found.onto)
        return
    delivery = kept(work.crew, queued, found)
    work.finish(Outcome(accepted.status, f"{accepted.detail}; {delivery.detail}", None, accepted.by_a_person))


def deliver_ended(crew: Crew, queued: QueuedTask, kind: DeliveryKind) -> Delivery:
    """Deliver the accepted change of a completed task; the second time, nothing happens."""
    work = Work(crew, queued)
    try:
        work.read_trials()
        by_a_person = queued.verdict == ACCEPTED_BY_A_PERSON
        found = deliver_change(crew, queued, work.accepted_trial, kind, by_a_person=by_a_person)
        return kept(crew, queued, found)
    finally:
        work.close()


def deliver_change(
    crew: Crew, queued: QueuedTask, trial: Judged, kind: DeliveryKind, *, by_a_person: bool
) -> Delivery | Conflict:
    """Deliver the change of a trial in its repository's merge queue; other problems are in the result."""
    try:
        place = Destination(queued.task.repo, Credentials(crew.settings.credentials_dir))
        accepted = Accepted(
            queued=queued,
            patch=trial.attempt.patch,
            judged_on=None if is_outdated(trial.verdict) else queued.commit,
            by_a_person=by_a_person,
            author=crew.settings.author or NIGHTCREW,
            trailers=_trailers(queued, trial, by_a_person=by_a_person),
            made_at=trial.attempt.ended_at,
            attempt=trial.attempt.number,
        )
        with ExitStack() as opened:
            publish, ask = _publishing(crew, queued, trial, kind, opened, by_a_person=by_a_person)
            folder = opened.enter_context(work_folder(crew.settings.work_dir, "delivery"))
            judge = partial(_judge, crew, queued)
            return MergeQueue(place, Deliveries(crew.store), judge, folder, publish, ask).deliver(accepted)
    except (NightcrewError, GitFailed, OSError) as error:
        if is_down(error):
            raise
        return Delivery(queued.task.repo, DeliveryStatus.NOT_DELIVERED, f"not delivered: {error}")


def kept(crew: Crew, queued: QueuedTask, found: Delivery | Conflict) -> Delivery:
    """The delivery as it is in the store and the ledger, with a conflict as the reason against it."""
    if isinstance(found, Conflict):
        why = f"not delivered: {found.verdict.summary}"
        found = Delivery(queued.task.repo, DeliveryStatus.NOT_DELIVERED, why)
    earlier = queued.delivery
    if found.status is DeliveryStatus.NOT_DELIVERED and queued.round and earlier and earlier.pull_request:
        found = replace(earlier, detail=f"round {queued.round.number}: {found.detail}")
        Deliveries(crew.store).keep(queued.task_id, found)
    if found.status is DeliveryStatus.NOT_DELIVERED:
        Deliveries(crew.store).keep(queued.task_id, found)
    deliver_facts(crew.store, crew.collector)
    return found


# ---------------------------------------------------------------------------------------------------------


def _publishing(
    crew: Crew, queued: QueuedTask, trial: Judged, kind: DeliveryKind, stack: ExitStack, *, by_a_person: bool
) -> tuple[Publish, Ask | None]:
    """What makes more of a branch than a branch, and what the server is asked when it is pushed."""
    if kind is not DeliveryKind.PULL_REQUEST:
        return as_branch, None
    from nightcrew.forge import merge_request
    from nightcrew.work.pull_requests import asker, publisher  # its library takes 0.3 s of CPU to load

    if merge_request.is_gitlab(queued.task.repo, crew.settings.gitlab_hosts):
        return merge_request.opened, asker(crew.settings, queued, trial, by_a_person=by_a_person)
    publish = publisher(crew.settings, queued, trial, by_a_person=by_a_person)
    return stack.enter_context(publish), None


def _judge(crew: Crew, queued: QueuedTask, base: Checkout, patch: str) -> Verdict:
    return crew.validator.judge_against(base, queued.task, patch)


def _trailers(queued: QueuedTask, trial: Judged, *, by_a_person: bool) -> Mapping[str, str]:
    verdict = ACCEPTED_BY_A_PERSON if by_a_person else f"accepted, score {trial.verdict.score:.2f}"
    models = trial.attempt.models_served or (trial.attempt.model,)
    return {
        "Nightcrew-Task": queued.task_id,
        "Nightcrew-Model": ", ".join(models),
        "Nightcrew-Verdict": verdict,
        "Nightcrew-Cost": f"{queued.cost_usd} USD",
        "Co-authored-by": f"{models[-1]} <model@nightcrew.invalid>",
    }
