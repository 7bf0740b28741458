"""Finds what is asked for in a repository: issues with the label, and comments with a command."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from nightcrew.errors import BadInput
from nightcrew.forge import issues
from nightcrew.forge.github import GitHubRepository, NotFound
from nightcrew.forge.records import Comment, Issue
from nightcrew.settings import first_problem
from nightcrew.task import Task
from nightcrew.watch.command import WORD, Command, command_in, command_of_labels, described
from nightcrew.watch.requests import Request, Requests
from nightcrew.watch.terms import Watch

log = logging.getLogger(__name__)


class Asking:
    """Looks at one repository; what is known in the store is not looked at again."""

    def __init__(
        self, github: GitHubRepository, watch: Watch, requests: Requests, our_pulls: frozenset[int]
    ) -> None:
        self._our_pulls = our_pulls  # numbers of those that are followed, which answer comments themselves
        self._github = github
        self._watch = watch
        self._requests = requests
        self._allowed: dict[str, bool] = {}

    def found(self, labelled_since: datetime | None, written_since: datetime) -> Iterator[Request]:
        """What is new; a request of somebody who must not make it is closed and gets no answer."""
        for issue in issues.labelled(self._github, self._watch.label, labelled_since):
            yield from self._of_label(issue)
        asking = [one for one in issues.comments(self._github, written_since) if WORD in (one.body or "")]
        known = self._requests.known([self._key(one.issue, f"comment {one.id}") for one in asking])
        for comment in asking:
            if self._key(comment.issue, f"comment {comment.id}") not in known:
                yield from self._of_comment(comment)

    def may_ask(self, login: str | None) -> bool:
        """True if the account may ask the crew for something."""
        if login is None:
            return False
        if self._watch.people:
            return login.lower() in {name.lower() for name in self._watch.people}
        if login not in self._allowed:
            self._allowed[login] = issues.may_write(self._github, login)
        return self._allowed[login]

    # -----------------------------------------------------------------------------------------------------

    def _of_label(self, issue: Issue) -> Iterator[Request]:
        key = self._key(issue.number, "label")
        if self._requests.known([key]):
            return
        # A template can give the label to an outsider's issue, so who gave it is asked for.
        asker = issues.labelled_by(self._github, issue.number, self._watch.label)
        request = Request(key, self._watch.repo, issue.number, asker or "somebody unknown")
        if not self.may_ask(asker):
            key = self._key(issue.number, f"label by {asker}")
            yield replace(request, key=key, problem="is not one of those who may ask", is_open=False)
            return
        try:
            labels = [one.name for one in issue.labels]
            command = command_of_labels(labels, issue.title, issue.body or "")
            yield replace(request, task=self._task(key, issue, command))
        except BadInput as error:
            yield replace(request, problem=str(error))

    def _of_comment(self, comment: Comment) -> Iterator[Request]:
        if comment.issue in self._our_pulls:
            return
        login = comment.user.login if comment.user else None
        key = self._key(comment.issue, f"comment {comment.id}")
        request = Request(key, self._watch.repo, comment.issue, login or "somebody unknown")
        try:
            command = command_in(comment.body or "")
            problem = ""
        except BadInput as error:
            command, problem = None, str(error)
        if command is None and not problem:
            return
        if not self.may_ask(login):
            yield replace(request, problem="is not one of those who may ask", is_open=False)
            return
        try:
            if problem or command is None:
                raise BadInput(problem)
            issue = issues.issue(self._github, comment.issue)
            if issue.pull_request is not None:
                raise BadInput("commands are for issues, and for open pull requests of the crew")
            yield replace(request, task=self._task(key, issue, command))
        except NotFound:
            return  # the issue is gone
        except BadInput as error:
            yield replace(request, problem=str(error))

    def _task(self, key: str, issue: Issue, command: Command) -> Task:
        watch = self._watch
        try:
            return Task(
                description=described(issue.title, issue.body or "", command.words),
                repo=watch.repo,
                task_type=command.task_type,
                target_file=command.target_file,
                base=watch.base,
                priority=watch.priority,
                max_cost_usd=watch.max_cost_usd,
                deliver=watch.deliver,
                issue=issue.number,
                task_id=f"t-{hashlib.sha256(key.encode()).hexdigest()[:12]}",
            )
        except ValidationError as error:
            raise BadInput(first_problem(error)) from None

    def _key(self, issue: int, what: str) -> str:
        return f"{self._watch.repo}#{issue} {what}"
