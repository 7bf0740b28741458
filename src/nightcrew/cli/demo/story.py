"""What happens on the twin of GitHub in its demo: people open issues, review and merge, the crew works."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from nightcrew.address import protocol_of, without_secret
from nightcrew.crew.dispatch import open_queue
from nightcrew.errors import Fatal, Transient
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.git import Remote, git
from nightcrew.forge.github import GitHubRepository
from nightcrew.forge.place import place_of
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import SETTLED, TaskStatus
from nightcrew.testing.github.state import Issue
from nightcrew.testing.github.twin import GitHubTwin
from nightcrew.validation.verdict import VerdictKind
from nightcrew.watch.look import look
from nightcrew.watch.terms import Watch

OWNER, REVIEWER, CREW = "octo", "ada", "crew"
LABEL = "nightcrew"
ISSUES = (
    (
        "Document the reorder module",
        "/nightcrew documentation src/stockroom/reorder.py\nIt has no docstring.",
    ),
    ("Say which arguments postage() takes", "/nightcrew documentation src/stockroom/parcels.py"),
    ("Say which error postage() raises", "/nightcrew documentation src/stockroom/parcels.py"),
)
REVIEW = "Please say what happens while fewer days are known than `window` asks for."
WANTED = {
    "src/stockroom/reorder.py": ("Average the pieces sold a day", "while fewer are known"),
    "src/stockroom/parcels.py": (
        "express: Whether it goes by express.",
        "ValueError: the parcel weighs nothing",
    ),
}
GIVE_UP_SECONDS = 900.0
PAUSE_SECONDS = 1.0
LOST = SETTLED - {TaskStatus.COMPLETED}
"""What no look changes: there will be no pull request."""

type Tell = Callable[[str, str], None]
"""Called with who does something, and what."""


class Ours(NamedTuple):
    """A pull request of the crew."""

    number: int
    title: str
    closes: int
    branch: str
    commit: str
    merged: bool


class Story:
    """One run of the story. `work` is called between two looks, and does or furthers the crew's tasks."""

    def __init__(
        self, settings: Settings, twin: GitHubTwin, code: Path, tell: Tell, work: Callable[[], object]
    ) -> None:
        """`code` is the local repository whose commit the twin's one begins with."""
        self._settings, self._hub, self._tell, self._work = settings, twin.hub, tell, work
        for login in (OWNER, REVIEWER, CREW):
            self._hub.give_token(f"ghp_{login}", login)
        self.repository = twin.hub.create(f"{OWNER}/stockroom")
        self.repository.collaborators |= {REVIEWER: "write", CREW: "write"}
        mine = twin.address(self.repository, f"ghp_{OWNER}")
        push = ("push", "--quiet", "--", mine, "HEAD:refs/heads/main")
        git(*push, git_dir=code / ".git", remote=Remote(mine, protocol_of(mine)))
        self.address, credential = without_secret(twin.address(self.repository, f"ghp_{CREW}"))
        assert credential is not None
        Credentials(settings.credentials_dir).keep(self.address, credential)
        self.issues: Sequence[Issue] = ()
        self._told: dict[int, str] = {}
        self._attempts: set[tuple[str, str]] = set()

    def run(self) -> list[str]:
        """Play it to its end; one sentence for each thing that is not as it should be."""
        self.issues = [self._opened(title, body) for title, body in ISSUES]
        self._until("three pull requests", lambda: len(self.pulls()) == len(ISSUES))
        first = next(one for one in self.pulls() if one.closes == self.issues[0].number)
        self._tell(REVIEWER, f"asks for a change of #{first.number}: {REVIEW}")
        self._ask("POST", f"/pulls/{first.number}/reviews", {"event": "REQUEST_CHANGES", "body": REVIEW})
        self._until("the answer to the review", lambda: self._is_answered(first))
        for one in self.pulls():
            self._tell(REVIEWER, f"merges #{one.number}, which closes #{one.closes}")
            self._ask("PUT", f"/pulls/{one.number}/merge", {})
        self._until("the last words", lambda: all("merged" in self._state(one) for one in self.issues))
        return list(self._problems())

    def pulls(self) -> list[Ours]:
        """The crew's pull requests, the oldest first."""
        found = []
        for one in self.repository.issues.values():
            if one.pull is None:
                continue
            closes = next(number for number in self._told if f"Closes #{number}\n" in (one.body or ""))
            commit = self.repository.commit_of(one.pull.head) or ""
            found.append(Ours(one.number, one.title, closes, one.pull.head, commit, bool(one.pull.merged_at)))
        return found

    def history(self) -> str:
        """The history of the branch main."""
        words = ("log", "--graph", "--format=%h %an: %s", "main", "--")
        return git(*words, git_dir=self.repository.git_dir).decode()

    # -----------------------------------------------------------------------------------------------------

    def _opened(self, title: str, body: str) -> Issue:
        issue = self._hub.add_issue(self.repository, OWNER, title, body, labels=(LABEL,))
        self._told[issue.number] = ""
        self._tell(OWNER, f"opens issue #{issue.number}: {title} [label {LABEL}]")
        return issue

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while not true():
            if time.monotonic() > deadline:
                raise Transient(f"the demo waited {GIVE_UP_SECONDS:.0f} s for {what}")
            look(self._settings, Watch(repo=self.address))
            self._report()
            self._work()
            time.sleep(PAUSE_SECONDS)

    def _report(self) -> None:
        """Tell what has changed: in our comments, and in the attempts at the tasks."""
        with open_queue(self._settings) as queue:
            tasks = list(queue.list(repo=self.address))
            attempts = {task.task_id: queue.attempts(task.task_id) for task in tasks}
        for task in reversed(tasks):
            if task.status in LOST:
                raise Fatal(
                    f"the demo ends here: the task of issue #{task.task.issue} {task.status}: {task.detail}"
                )
            for row in attempts[task.task_id]:
                judged = (str(row["attempt_id"]), str(row["verdict"]))  # a conflict changes the verdict later
                if row["verdict"] and judged not in self._attempts:
                    self._attempts.add(judged)
                    self._tell(CREW, f"#{task.task.issue}: {row['model']} tried; {_in_short(row)}")
        for issue in self.issues:
            if (now := self._state(issue)) not in {"", self._told[issue.number]}:
                self._told[issue.number] = now
                self._tell(CREW, f"writes on #{issue.number}: {now}")

    def _state(self, issue: Issue) -> str:
        """What our comment on the issue says of its state."""
        lines = issue.comments[-1].body.splitlines() if issue.comments else []
        return lines[3] if len(lines) > 3 else " ".join(lines[1:])

    def _is_answered(self, first: Ours) -> bool:
        now = next(one for one in self.pulls() if one.number == first.number)
        return now.commit != first.commit and "see pull request" in self._state(self.issues[0])

    def _ask(self, method: str, path: str, body: dict[str, str]) -> None:
        with GitHubRepository(place_of(self.address), SecretStr(f"ghp_{REVIEWER}")) as github:
            github.call(method, path, body=body)

    def _problems(self) -> Iterator[str]:
        pulls = self.pulls()
        if len(pulls) != len(ISSUES) or not all(one.merged for one in pulls):
            yield f"three pull requests should be merged, not {pulls}"
        for issue in self.issues:
            if issue.state != "closed" or len(issue.comments) != 1:
                yield f"issue #{issue.number} is {issue.state} and has {len(issue.comments)} of our comments"
        for path, words in WANTED.items():
            text = git("show", f"main:{path}", git_dir=self.repository.git_dir).decode()
            yield from (f"{path} does not say {word!r}" for word in words if word not in text)
        with open_queue(self._settings) as queue:
            tasks: Sequence[QueuedTask] = queue.list(repo=self.address)
            again = [one for one in tasks if one.round is None and one.attempts > 1]
        if not again:
            yield "one of two changes in conflict should have been made again"


# ---------------------------------------------------------------------------------------------------------


def _in_short(row: Mapping[str, object]) -> str:
    """The verdict on an attempt; why it is none of the accepted ones."""
    summary = str(row["summary"])
    is_accepted = row["verdict"] == VerdictKind.ACCEPTED
    return summary.partition(". ")[0].lower() if is_accepted else f"{row['verdict']}: {summary}"
