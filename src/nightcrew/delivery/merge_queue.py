"""The merge queue of a repository: an accepted change is delivered only if it is good on the newest base, and
together with every change that was delivered before and is not merged yet.

Deliveries to one repository take turns, so that two changes that break each other are never both delivered.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from nightcrew.delivery.commit import Words, advanced, changes_on, commit_on, is_contained
from nightcrew.delivery.conflict import Conflict, does_not_fit, is_not_good, named
from nightcrew.delivery.destination import Destination
from nightcrew.delivery.message import branch_of, message_of
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.base import workspace_of
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.queue.deliveries import Deliveries
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.files import let_sandboxes_read
from nightcrew.validation.change.change import Change, PatchRefused
from nightcrew.validation.verdict import Verdict, VerdictKind

log = logging.getLogger(__name__)

type Publish = Callable[[Delivery], Delivery]
"""Completes a delivery whose branch is there: delivered, or why it is not."""
type Ask = Callable[[Delivery], Sequence[str]]
"""What a server is asked to do with the first push of a branch, such as opening a merge request."""
type Judge = Callable[[Checkout, str], Verdict]
"""Judges a patch, relative to a checkout's commit."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted change, and what its commit will say."""

    queued: QueuedTask
    patch: str
    judged_on: str | None  # the commit on which it was accepted; None: it has to be judged again
    by_a_person: bool
    author: str  # `Name <address>`
    trailers: Mapping[str, str]
    made_at: datetime
    attempt: int = 0  # its number; 0: the only one


class MergeQueue:
    """Delivers changes to one repository, as branches. `folder` is empty and used for checkouts."""

    def __init__(
        self,
        place: Destination,
        deliveries: Deliveries,
        judge: Judge,
        folder: Path,
        publish: Publish | None = None,
        ask: Ask | None = None,
    ) -> None:
        self._place = place
        self._publish = publish or as_branch
        self._ask = ask
        self._deliveries = deliveries
        self._judge = judge
        self._folder = folder

    def deliver(self, change: Accepted) -> Delivery | Conflict:
        """Deliver a change as a branch with one commit; a second call for the same change does nothing.

        Raises:
            BadInput: the repository cannot be read or does not take the branch. Transient: not now.
        """
        with self._deliveries.turn(self._place.key) as check_turn:
            references = self._place.references()
            before_it = _revised(change, references)
            if known := _known(change, references):
                return self._keep(change, known)
            newest = self._place.checkout(change.queued.task, change.queued.commit, self._folder / "newest")
            tip, others = self._with_open_ones(newest, change, references)
            is_on_ours = (change.judged_on or change.queued.commit) in references.values()
            onto = self._where(change, newest, tip, others, is_on_ours=is_on_ours)
            if isinstance(onto, Conflict):
                if onto.onto not in {newest.commit, change.queued.commit}:
                    name = (
                        f"refs/nightcrew/{change.queued.task_id}"  # so that an attempt can start from there
                    )
                    self._place.add(name, onto.onto, git_dir=newest.git_dir, known=newest.commit)
                return onto
            check_turn()
            return self._deliver_on(onto, newest, change, before_it)

    def _where(
        self, change: Accepted, newest: Checkout, tip: Checkout, before: Sequence[str], *, is_on_ours: bool
    ) -> Checkout | Conflict:
        """The commit to build on: the newest, or the tip if the change was made on top of open ones.

        More may have been delivered since it was made there; it then has to be good together with all of it.
        """
        if change.judged_on == tip.commit:
            return tip
        alone = self._problem(change, newest, named(newest.commit, ()))
        if tip.commit == newest.commit:
            return newest if alone is None else Conflict(alone, newest.commit)
        if alone is not None and not is_on_ours:
            return Conflict(alone, newest.commit)
        together = self._problem(change, tip, named(newest.commit, before))
        if together is not None:
            return Conflict(together, tip.commit)
        return newest if alone is None else tip

    def _problem(self, change: Accepted, place: Checkout, name: str) -> Verdict | None:
        """The verdict against the change at this place; None if it is good there."""
        if place.commit == change.judged_on:
            return None
        try:
            changes_on(place, change.patch)
        except PatchRefused as error:
            return does_not_fit(str(error), change.patch, name)
        verdict = self._judge(place, change.patch)
        if verdict.kind is VerdictKind.INFRASTRUCTURE_FAULT:
            raise Transient(f"the change could not be judged again on {name}: {verdict.summary}")
        good = verdict.kind is VerdictKind.ACCEPTED
        if good or (change.by_a_person and verdict.kind is VerdictKind.NOT_MEASURABLE):
            return None
        return is_not_good(verdict, name)

    def _with_open_ones(
        self, newest: Checkout, change: Accepted, references: Mapping[str, str]
    ) -> tuple[Checkout, Sequence[str]]:
        """The newest commit with all delivered changes that are not in it, and their branches."""
        tip, branches = newest, []
        for other in self._deliveries.in_repo(self._place.key):
            words, patch = _open_change(other, references)
            if other.task_id == change.queued.task_id or words is None or is_contained(tip, patch):
                continue
            try:
                changes = changes_on(tip, patch)
            except PatchRefused as error:
                log.warning("the change of %s is not looked at any more: %s", other.task_id, error)
                continue
            if tip is newest:
                tip = self._copy(newest)
            tip = advanced(tip, changes, self._with(tip, changes, words, other.delivery))
            branches.append(other.delivery.branch or "" if other.delivery else "")
        return tip, branches

    def _with(
        self, tip: Checkout, changes: Sequence[Change], words: Words, delivered: Delivery | None
    ) -> str:
        """The commit of a delivered change on the tip.

        Where the change was delivered on another commit, it is a merge of the two: what is built on it can
        then be merged after it without a conflict.
        """
        if delivered is None or delivered.commit is None or delivered.onto == tip.commit:
            return commit_on(tip, changes, words)
        self._place.fetch(f"refs/heads/{delivered.branch}", delivered.commit, tip.git_dir)
        merge = replace(words, message=f"Merge branch '{delivered.branch}'")
        return commit_on(tip, changes, merge, (tip.commit, delivered.commit))

    def _copy(self, base: Checkout) -> Checkout:
        copy = workspace_of(base, self._folder / "tip")
        let_sandboxes_read(copy.path)
        return copy

    def _deliver_on(
        self, onto: Checkout, newest: Checkout, change: Accepted, before: Delivery | None
    ) -> Delivery:
        """Add the branch; after `before`, its delivery in an earlier round, as one more commit of it."""
        task = change.queued.task
        parents: tuple[str, ...] = (onto.commit,)
        if before is not None and before.commit is not None:
            self._place.fetch(f"refs/heads/{before.branch}", before.commit, newest.git_dir)
            parents = (before.commit, *parents) if onto.commit != before.onto else (before.commit,)
        changes = changes_on(onto, change.patch)
        message = message_of(task, self._place.subjects(newest), change.trailers)
        made = Words(change.author, message, change.made_at)
        commit = commit_on(onto, changes, made, parents)
        branch = (before.branch if before else None) or branch_of(task)
        begun = Delivery(
            self._place.key, DeliveryStatus.BEGUN, "", branch, commit, onto.commit,
            made.author, message, made.made_at,
            attempt=change.attempt, revises=before.commit if before else None,
            pull_request=before.pull_request if before else None, url=before.url if before else None,
        )  # fmt: skip
        self._deliveries.keep(task.task_id, begun)
        words = self._place.add(
            f"refs/heads/{branch}",
            commit,
            git_dir=newest.git_dir,
            known=newest.commit,
            before=begun.revises,
            options=self._ask(begun) if self._ask and before is None else (),
        )
        return self._keep(change, replace(begun, detail=words))

    def _keep(self, change: Accepted, begun: Delivery) -> Delivery:
        """Complete a delivery whose branch is there; one that cannot be completed is kept by the caller."""
        done = self._publish(begun)
        if done.status is DeliveryStatus.DELIVERED and done != begun:
            self._deliveries.keep(change.queued.task_id, done)
        return done


def as_branch(begun: Delivery) -> Delivery:
    """The delivery of a change whose branch is all that was asked for."""
    if begun.status is DeliveryStatus.DELIVERED:
        return begun
    detail = f"delivered as branch {begun.branch}, commit {(begun.commit or '')[:12]}"
    return replace(begun, status=DeliveryStatus.DELIVERED, detail=detail)


# ---------------------------------------------------------------------------------------------------------


def _known(change: Accepted, references: Mapping[str, str]) -> Delivery | None:
    """The delivery that was made before, or was begun by a process that ended after its branch was there."""
    known = change.queued.delivery
    if known is None or known.commit is None or not known.is_of(change.attempt):
        return None
    return known if references.get(f"refs/heads/{known.branch}") == known.commit else None


def _revised(change: Accepted, references: Mapping[str, str]) -> Delivery | None:
    """The delivery of the task's earlier change, whose branch gets one more commit; None: it is the first.

    Raises:
        BadInput: a person has pushed to the branch, or it is gone.
    """
    known = change.queued.delivery
    if known is None or known.commit is None:
        return None
    if known.is_of(change.attempt):  # begun by a process that has ended
        known = replace(known, commit=known.revises)
    if known.commit is None:
        return None
    there = references.get(f"refs/heads/{known.branch}")
    if there not in {known.commit, change.queued.delivery and change.queued.delivery.commit}:
        state = "was changed by a person" if there else "is not there any more"
        raise BadInput(f"the branch {known.branch} {state}; it is left as it is")
    return known


def _open_change(other: QueuedTask, references: Mapping[str, str]) -> tuple[Words | None, str]:
    """What a delivered commit says, and its patch; None if its branch is not as it was delivered."""
    known = other.delivery
    if known is None or known.made_at is None or not other.change_path:
        return None, ""
    if references.get(f"refs/heads/{known.branch}") != known.commit:
        return None, ""
    try:
        patch = other.read_change()
    except OSError as error:
        log.warning("the change of %s cannot be read: %s", other.task_id, error)
        return None, ""
    return Words(known.author, known.message, known.made_at), patch
