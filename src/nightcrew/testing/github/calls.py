"""One call to the twin of GitHub: who calls, about which repository, with which values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.testing.github.records import Records
from nightcrew.testing.github.replies import invalid, not_found
from nightcrew.testing.github.state import Hub, Issue, Pull, Repository


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in."""

    hub: Hub
    records: Records
    login: str
    found: Repository | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    url: str  # without the query

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def issue(self) -> Issue:
        """The issue or pull request that the path names."""
        issue = self.repository.issues.get(int(self.path["number"]))
        if issue is None:
            raise not_found()
        return issue

    @property
    def pull(self) -> Pull:
        """The pull request that the path names."""
        if self.issue.pull is None:
            raise not_found()
        return self.issue.pull

    def required(self, resource: str, name: str) -> str:
        """A text that the body must have."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value.strip():
            raise invalid(resource, name, "missing_field")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of names in the body; a label may also be an object."""
        given = self.body.get(name) or []
        return [str(one["name"]) if isinstance(one, Mapping) else str(one) for one in given]
