"""What the twin of GitHub holds: accounts, tokens, repositories with their issues and pull requests."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from pathlib import Path

from nightcrew.execution.checkout.git import git

_UPDATE_HOOK = """\
#!/bin/sh
grep -qxF -- "$1" protected 2>/dev/null || exit 0
echo "error: GH006: Protected branch update failed for $1." >&2
exit 1
"""


class Access(IntEnum):
    """What a fine-grained token may do with one kind of thing."""

    NONE = 0
    READ = 1
    WRITE = 2


class Permission(StrEnum):
    """The permissions of a fine-grained token that the twin knows, under their names on GitHub."""

    METADATA = "metadata"
    CONTENTS = "contents"
    ISSUES = "issues"
    PULL_REQUESTS = "pull_requests"
    STATUSES = "statuses"
    CHECKS = "checks"
    HOOKS = "repository_hooks"


EVERYTHING: Mapping[Permission, Access] = dict.fromkeys(Permission, Access.WRITE)


@dataclass(frozen=True, slots=True)
class Token:
    """A fine-grained token; it is valid for all repositories of the twin."""

    login: str
    permissions: Mapping[Permission, Access]


@dataclass(slots=True)
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    login: str
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a pull request."""

    id: int
    login: str
    state: str
    body: str
    commit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment of a review on one line of a file."""

    id: int
    review: Review
    path: str
    line: int
    body: str


@dataclass(slots=True)
class Pull:
    """What a pull request has beside its issue."""

    head: str  # name of the branch, in the same repository
    base: str
    draft: bool
    head_commit: str  # the last one that was seen
    merged_at: datetime | None = None
    merged_by: str = ""
    merge_commit: str | None = None
    reviewers: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """Somebody gave an issue a label, or took it away."""

    id: int
    login: str
    label: str
    is_given: bool
    at: datetime


@dataclass(slots=True)
class Issue:
    """An issue, or a pull request."""

    id: int
    number: int
    login: str
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    closed_at: datetime | None = None
    comments: list[Comment] = field(default_factory=list)
    events: list[LabelEvent] = field(default_factory=list)
    pull: Pull | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of a repository."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...]
    created_at: datetime


@dataclass(slots=True)
class Repository:
    """A repository with its bare git directory."""

    id: int
    owner: str
    name: str
    git_dir: Path
    created_at: datetime
    private: bool = False
    default_branch: str = "main"
    issues: dict[int, Issue] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)  # with their ids
    hooks: list[Hook] = field(default_factory=list)
    collaborators: dict[str, str] = field(default_factory=dict)  # with `admin`, `write` or `read`
    statuses: dict[str, list[dict[str, object]]] = field(default_factory=dict)  # by commit
    checks: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    def permission_of(self, login: str) -> str:
        """What a user may do: `admin`, `write`, `read` or `none`."""
        known = {name.lower(): one for name, one in self.collaborators.items()}
        if login.lower() == self.owner.lower():
            return "admin"
        return known.get(login.lower(), "none" if self.private else "read")

    def commit_of(self, branch: str) -> str | None:
        """The full id of a branch's newest commit; None if there is no such branch."""
        shape = "--format=%(objectname)"
        found = git("for-each-ref", shape, f"refs/heads/{branch}", git_dir=self.git_dir).decode().split()
        return found[0] if found else None

    def protect(self, *references: str) -> None:
        """Refuse every push to these references, such as `refs/heads/main`."""
        (self.git_dir / "protected").write_text("".join(f"{name}\n" for name in references))


class Hub:
    """Everything on one twin. `folder` holds the git directories; `now` is its clock."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self.now = now
        self.tokens: dict[str, Token] = {}
        self.users: dict[str, int] = {}
        self.repositories: dict[int, Repository] = {}
        self.old_names: dict[str, int] = {}
        self.calls_per_hour = 5_000
        self.calls_used = 0
        self.reset_at = int(now().timestamp()) + 3_600
        self._ids = itertools.count(1_001)

    def new_id(self) -> int:
        """An id that nothing else has."""
        return next(self._ids)

    def user_id(self, login: str) -> int:
        """The id of a user, who is there from now on."""
        return self.users.setdefault(login, len(self.users) + 1)

    def give_token(
        self, token: str, login: str, permissions: Mapping[Permission, Access] = EVERYTHING
    ) -> None:
        """Let a token act for a user."""
        self.user_id(login)
        self.tokens[token] = Token(login, permissions)

    def revoke(self, token: str) -> None:
        """The token is refused from now on."""
        self.tokens.pop(token, None)

    def create(self, full_name: str, *, private: bool = False) -> Repository:
        """An empty repository with the branch `main` as its default."""
        owner, _, name = full_name.partition("/")
        self.user_id(owner)
        number = self.new_id()
        git_dir = self.folder / f"{number}.git"
        git("init", "--quiet", "--bare", "--initial-branch=main", git_dir)
        hook = git_dir / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_UPDATE_HOOK)
        hook.chmod(0o755)
        made = Repository(number, owner, name, git_dir, self.now(), private=private)
        self.repositories[number] = made
        return made

    def rename(self, repository: Repository, name: str) -> None:
        """Give a repository another name; the old one leads to it."""
        self.old_names[repository.full_name.lower()] = repository.id
        repository.name = name

    def find(self, full_name: str) -> Repository | None:
        """The repository of this name."""
        wanted = full_name.lower()
        return next((one for one in self.repositories.values() if one.full_name.lower() == wanted), None)

    def renamed(self, full_name: str) -> Repository | None:
        """The repository that had this name before."""
        return self.repositories.get(self.old_names.get(full_name.lower(), 0))

    def add_label(self, repository: Repository, name: str) -> int:
        """The id of a label, which the repository has from now on."""
        known = {label.lower(): number for label, number in repository.labels.items()}
        if name.lower() in known:
            return known[name.lower()]
        repository.labels[name] = self.new_id()
        return repository.labels[name]

    def add_issue(
        self,
        repository: Repository,
        login: str,
        title: str,
        body: str | None = None,
        *,
        labels: tuple[str, ...] = (),
        pull: Pull | None = None,
    ) -> Issue:
        """A new issue, or the one of a new pull request; numbers are given in order."""
        self.user_id(login)
        for name in labels:
            self.add_label(repository, name)
        number, at = len(repository.issues) + 1, self.now()
        made = Issue(self.new_id(), number, login, title, body, at, at, pull=pull)
        repository.issues[number] = made
        self.set_labels(made, login, (*labels,))
        return made

    def set_labels(self, issue: Issue, login: str, labels: tuple[str, ...]) -> None:
        """Let an issue have these labels and no others; who did it is kept."""
        at = self.now()
        for name in (*(one for one in labels if one not in issue.labels), *issue.labels):
            if (name in issue.labels) is not (name in labels):
                event = LabelEvent(self.new_id(), login, name, name in labels, at)
                issue.events.append(event)
        issue.labels[:] = dict.fromkeys(labels)
        issue.updated_at = at
