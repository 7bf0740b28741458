"""What we read of GitHub's records. Other fields are ignored: servers of several versions differ in them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

MOST_TEXT = 200_000  # characters of a text; GitHub allows 65,536

type Text = Annotated[str, Field(max_length=MOST_TEXT)]
type Name = Annotated[str, Field(max_length=1_000)]


class Label(BaseModel):
    """A label."""

    name: Name


class User(BaseModel):
    """A user."""

    login: Name


class Repository(BaseModel):
    """A repository, under its name of today."""

    full_name: Annotated[str, Field(max_length=300)]
    default_branch: Annotated[str, Field(max_length=300)]


class Pull(BaseModel):
    """A pull request."""

    number: int
    html_url: Annotated[str, Field(max_length=2_000)]
    state: Annotated[str, Field(max_length=20)]
    title: Text
    body: Text | None = None
    labels: tuple[Label, ...] = ()


class Issue(BaseModel):
    """An issue; a pull request is one too, and has `pull_request`."""

    number: Annotated[int, Field(ge=1)]
    title: Text
    body: Text | None = None
    state: Name
    user: User | None = None  # None: the account was deleted
    labels: tuple[Label, ...] = ()
    pull_request: dict[str, object] | None = None


class Comment(BaseModel):
    """A comment on an issue or a pull request."""

    id: Annotated[int, Field(ge=1)]
    body: Text | None = None
    user: User | None = None
    issue_url: Annotated[str, Field(max_length=2_000)]

    @property
    def issue(self) -> int:
        """The number of its issue."""
        number = self.issue_url.rpartition("/")[2]
        return int(number) if number.isascii() and number.isdigit() else 0


class Event(BaseModel):
    """What happened to an issue, for example that it got a label."""

    event: Name
    actor: User | None = None
    label: Label | None = None
    created_at: datetime


class Permission(BaseModel):
    """What a user may do in a repository."""

    permission: Name


class Head(BaseModel):
    """The newest commit of a pull request."""

    sha: Name


class PullState(BaseModel):
    """How a pull request stands."""

    number: int
    state: Name
    merged: bool = False
    merge_commit_sha: Name | None = None
    head: Head


class Review(BaseModel):
    """A review of a pull request."""

    id: int
    user: User | None = None
    body: Text | None = None
    state: Name


class Remark(BaseModel):
    """A comment of a review on one line of a file."""

    pull_request_review_id: int | None = None
    path: Name
    line: int | None = None
    body: Text


class CheckOutput(BaseModel):
    """What a check says."""

    title: Text | None = None
    summary: Text | None = None
    text: Text | None = None


class Check(BaseModel):
    """A run of a check on a commit."""

    id: int
    name: Name
    status: Name
    conclusion: Name | None = None
    output: CheckOutput = CheckOutput()


class Checks(BaseModel):
    """The first page of the checks on a commit."""

    check_runs: tuple[Check, ...]


class Status(BaseModel):
    """The last status of one context on a commit."""

    id: int
    state: Name
    context: Name
    description: Text | None = None


class Statuses(BaseModel):
    """The statuses of a commit."""

    statuses: tuple[Status, ...]


class CommitText(BaseModel):
    """The message of a commit."""

    message: Text


class Commit(BaseModel):
    """A commit."""

    sha: Name
    commit: CommitText
