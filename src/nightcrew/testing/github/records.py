"""Writes GitHub's JSON records. The tests read each of them with the models of GitHub's own description."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nightcrew.testing.github.state import (
    Comment,
    Hook,
    Hub,
    Issue,
    LabelEvent,
    Pull,
    Repository,
    Review,
)

type Record = dict[str, Any]

_LINKS_OF_USER = (
    *("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events"),
    "received_events",
)
_LINKS_OF_REPOSITORY = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare"),
    *("contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs"),
    *("git_tags", "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges"),
    *("milestones", "notifications", "pulls", "releases", "stargazers", "statuses", "subscribers"),
    *("subscription", "tags", "teams", "trees", "hooks"),
)
_COUNTS = (
    *("forks_count", "stargazers_count", "watchers_count", "size", "subscribers_count", "network_count"),
    *("forks", "watchers"),
)
_SWITCHES = ("fork", "has_projects", "has_wiki", "has_pages", "has_discussions", "archived", "disabled")


class Records:
    """Makes the records of a hub; `web` is the address of its pages, such as `http://127.0.0.1:1`."""

    def __init__(self, hub: Hub, web: str) -> None:
        self._hub = hub
        self.web = web
        self.api = f"{web}/api/v3"

    def user(self, login: str) -> Record:
        """A user, as in most records."""
        url, number = f"{self.api}/users/{login}", self._hub.user_id(login)
        links = {f"{name}_url": f"{url}/{name}" for name in _LINKS_OF_USER}
        return links | {
            "login": login,
            "id": number,
            "node_id": f"U_{number}",
            "avatar_url": f"{self.web}/avatars/{number}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.web}/{login}",
            "type": "User",
            "user_view_type": "public",
            "site_admin": False,
        }

    def repository(self, one: Repository) -> Record:
        """A repository."""
        url, page = self.of(one), f"{self.web}/{one.full_name}"
        open_ones = sum(issue.state == "open" for issue in one.issues.values())
        record: Record = {f"{name}_url": f"{url}/{name}" for name in _LINKS_OF_REPOSITORY}
        record |= dict.fromkeys(_COUNTS, 0) | dict.fromkeys(_SWITCHES, False)
        return record | {
            "id": one.id,
            "node_id": f"R_{one.id}",
            "name": one.name,
            "full_name": one.full_name,
            "owner": self.user(one.owner),
            "private": one.private,
            "visibility": "private" if one.private else "public",
            "html_url": page,
            "url": url,
            "clone_url": f"{page}.git",
            "git_url": f"git:{page.partition(':')[2]}.git",
            "ssh_url": f"git@127.0.0.1:{one.full_name}.git",
            "svn_url": page,
            "description": None,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            "default_branch": one.default_branch,
            "open_issues_count": open_ones,
            "open_issues": open_ones,
            "has_issues": True,
            "topics": [],
            "pushed_at": moment(one.created_at),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.created_at),
        }

    def label(self, repository: Repository, name: str) -> Record:
        """A label of a repository."""
        number = self._hub.add_label(repository, name)
        return {
            "id": number,
            "node_id": f"LA_{number}",
            "url": f"{self.of(repository)}/labels/{name}",
            "name": name,
            "color": "ededed",
            "default": False,
            "description": None,
            "archived_at": None,
            "archived_by": None,
        }

    def issue(self, repository: Repository, one: Issue) -> Record:
        """An issue; a pull request is one too, and says so."""
        url = f"{self.of(repository)}/issues/{one.number}"
        kind = "issues" if one.pull is None else "pull"
        record = {
            "id": one.id,
            "node_id": f"I_{one.id}",
            "number": one.number,
            "url": url,
            "repository_url": self.of(repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": f"{self.web}/{repository.full_name}/{kind}/{one.number}",
            "title": one.title,
            "body": one.body,
            "user": self.user(one.login),
            "author_association": self.association(repository, one.login),
            "labels": [self.label(repository, name) for name in one.labels],
            "state": one.state,
            "state_reason": "completed" if one.state == "closed" else None,
            "locked": False,
            "active_lock_reason": None,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": len(one.comments),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.updated_at),
            "closed_at": moment(one.closed_at),
            "closed_by": None,
        }
        if one.pull is not None:
            pull = f"{self.of(repository)}/pulls/{one.number}"
            record["pull_request"] = {
                **{"url": pull, "html_url": record["html_url"], "merged_at": moment(one.pull.merged_at)},
                **{"diff_url": f"{record['html_url']}.diff", "patch_url": f"{record['html_url']}.patch"},
            }
        return record

    def comment(self, repository: Repository, issue: Issue, one: Comment) -> Record:
        """A comment."""
        page = f"{self.web}/{repository.full_name}/issues/{issue.number}#issuecomment-{one.id}"
        return {
            "id": one.id,
            "node_id": f"IC_{one.id}",
            "url": f"{self.of(repository)}/issues/comments/{one.id}",
            "html_url": page,
            "issue_url": f"{self.of(repository)}/issues/{issue.number}",
            "body": one.body,
            "user": self.user(one.login),
            "author_association": self.association(repository, one.login),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.updated_at),
        }

    def label_event(self, repository: Repository, issue: Issue, one: LabelEvent) -> Record:
        """Somebody gave an issue a label, or took it away."""
        return {
            "id": one.id,
            "node_id": f"LE_{one.id}",
            "url": f"{self.of(repository)}/issues/events/{one.id}",
            "actor": self.user(one.login),
            "event": "labeled" if one.is_given else "unlabeled",
            "commit_id": None,
            "commit_url": None,
            "created_at": moment(one.at),
            "label": {"name": one.label, "color": "ededed"},
            "performed_via_github_app": None,
        }

    def pull(self, repository: Repository, one: Issue, pull: Pull, more: Mapping[str, Any]) -> Record:
        """A pull request; `more` has what only the record of a single one shows."""
        url, issue = f"{self.of(repository)}/pulls/{one.number}", self.issue(repository, one)
        same = (
            *("number", "title", "body", "user", "author_association", "labels", "state", "locked"),
            *("active_lock_reason", "assignee", "assignees", "milestone", "created_at", "updated_at"),
            *("closed_at", "comments_url", "html_url"),
        )
        links = {
            "self": url,
            "html": issue["html_url"],
            "issue": issue["url"],
            "comments": issue["comments_url"],
            "review_comments": f"{url}/comments",
            "review_comment": f"{self.of(repository)}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{self.of(repository)}/statuses/{pull.head_commit}",
        }
        return {
            **{name: issue[name] for name in same},
            **{f"{name}_url": link for name, link in links.items() if name not in {"self", "html"}},
            "id": one.id,
            "node_id": f"PR_{one.id}",
            "url": url,
            "diff_url": f"{issue['html_url']}.diff",
            "patch_url": f"{issue['html_url']}.patch",
            "draft": pull.draft,
            "head": self._side(repository, pull.head, pull.head_commit),
            "base": self._side(repository, pull.base, repository.commit_of(pull.base) or ""),
            "_links": {name: {"href": link} for name, link in links.items()},
            "auto_merge": None,
            "merged_at": moment(pull.merged_at),
            "merge_commit_sha": pull.merge_commit,
            "requested_reviewers": [self.user(login) for login in pull.reviewers],
            "requested_teams": [],
            **more,
        }

    def review(self, repository: Repository, issue: Issue, one: Review) -> Record:
        """A review of a pull request."""
        url = f"{self.of(repository)}/pulls/{issue.number}"
        page = f"{self.web}/{repository.full_name}/pull/{issue.number}#pullrequestreview-{one.id}"
        return {
            "id": one.id,
            "node_id": f"PRR_{one.id}",
            "user": self.user(one.login),
            "body": one.body,
            "state": one.state,
            "html_url": page,
            "pull_request_url": url,
            "author_association": self.association(repository, one.login),
            "_links": {"html": {"href": page}, "pull_request": {"href": url}},
            "submitted_at": moment(one.at),
            "commit_id": one.commit,
        }

    def hook(self, repository: Repository, one: Hook) -> Record:
        """A webhook, without its secret."""
        url = f"{self.of(repository)}/hooks/{one.id}"
        config = {"url": one.url, "content_type": "json", "insecure_ssl": "0", "secret": "********"}
        return {
            "type": "Repository",
            "id": one.id,
            "name": "web",
            "active": True,
            "events": list(one.events),
            "config": config,
            "url": url,
            "test_url": f"{url}/test",
            "ping_url": f"{url}/pings",
            "deliveries_url": f"{url}/deliveries",
            "last_response": {"code": None, "status": "unused", "message": None},
            "created_at": moment(one.created_at),
            "updated_at": moment(one.created_at),
        }

    # -----------------------------------------------------------------------------------------------------

    def of(self, repository: Repository) -> str:
        """The URL of a repository in the API."""
        return f"{self.api}/repos/{repository.full_name}"

    def _side(self, repository: Repository, branch: str, commit: str) -> Record:
        return {
            "label": f"{repository.owner}:{branch}",
            "ref": branch,
            "sha": commit,
            "user": self.user(repository.owner),
            "repo": self.repository(repository),
        }

    def association(self, repository: Repository, login: str) -> str:
        """What a user is to a repository."""
        if login == repository.owner:
            return "OWNER"
        return "COLLABORATOR" if login in repository.collaborators else "NONE"


def moment(at: datetime | None) -> str | None:
    """A time in GitHub's form."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
