"""Issues, comments and labels of the twin of GitHub."""

from datetime import datetime

from nightcrew.testing.github.calls import Call
from nightcrew.testing.github.endpoint import Endpoint
from nightcrew.testing.github.replies import Reply, invalid, not_found, page
from nightcrew.testing.github.state import Access, Comment, Issue, Permission

MOST_BODY = 65_536  # characters of a body


def list_issues(call: Call) -> Reply:
    """The issues and pull requests, by default the open ones, the latest first."""
    query, repository = call.query, call.repository
    state, since = query.get("state", "open"), query.get("since")
    labels = {name.lower() for name in query.get("labels", "").split(",") if name}
    order = "updated_at" if query.get("sort") == "updated" else "created_at"

    def is_wanted(one: Issue) -> bool:
        return (
            state in {"all", one.state}
            and labels <= {name.lower() for name in one.labels}
            and (since is None or one.updated_at >= _moment(since))
            and query.get("creator", one.login) == one.login
        )

    found = [one for one in repository.issues.values() if is_wanted(one)]
    found.sort(key=lambda one: (getattr(one, order), one.number), reverse=query.get("direction") != "asc")
    return page([call.records.issue(repository, one) for one in found], query, call.url)


def create_issue(call: Call) -> Reply:
    """A new issue."""
    title, labels = call.required("Issue", "title"), tuple(call.texts("labels"))
    made = call.hub.add_issue(call.repository, call.login, title, _body(call), labels=labels)
    return Reply(201, call.records.issue(call.repository, made))


def show_issue(call: Call) -> Reply:
    """One issue."""
    return Reply(200, call.records.issue(call.repository, call.issue))


def edit_issue(call: Call) -> Reply:
    """Change title, text, state or labels of an issue."""
    change(call, "Issue")
    if "labels" in call.body:
        call.hub.set_labels(call.issue, call.login, tuple(call.texts("labels")))
    return show_issue(call)


def change(call: Call, resource: str) -> None:
    """Change what issues and pull requests have in common."""
    issue, now = call.issue, call.hub.now()
    if "title" in call.body:
        issue.title = call.required(resource, "title")
    if "body" in call.body:
        issue.body = _body(call)
    state = call.body.get("state", issue.state)
    if state not in {"open", "closed"}:
        raise invalid(resource, "state", "invalid")
    if state != issue.state:
        issue.state, issue.closed_at = state, now if state == "closed" else None
    issue.updated_at = now


def list_comments(call: Call) -> Reply:
    """The comments on an issue, the oldest first."""
    records = [call.records.comment(call.repository, call.issue, one) for one in call.issue.comments]
    return page(records, call.query, call.url)


def add_comment(call: Call) -> Reply:
    """A new comment."""
    text, at = call.required("IssueComment", "body"), call.hub.now()
    made = Comment(call.hub.new_id(), call.login, text, at, at)
    call.issue.comments.append(made)
    call.issue.updated_at = at
    return Reply(201, call.records.comment(call.repository, call.issue, made))


def edit_comment(call: Call) -> Reply:
    """Change the text of a comment."""
    issue, comment = _comment(call)
    comment.body, comment.updated_at = call.required("IssueComment", "body"), call.hub.now()
    return Reply(200, call.records.comment(call.repository, issue, comment))


def show_comment(call: Call) -> Reply:
    """One comment."""
    return Reply(200, call.records.comment(call.repository, *_comment(call)))


def all_comments(call: Call) -> Reply:
    """The comments on all issues and pull requests of the repository, the oldest first."""
    since, repository = call.query.get("since"), call.repository
    order = "updated_at" if call.query.get("sort") == "updated" else "created_at"
    found = [(issue, one) for issue in repository.issues.values() for one in issue.comments]
    found = [pair for pair in found if since is None or pair[1].updated_at >= _moment(since)]
    found.sort(
        key=lambda pair: (getattr(pair[1], order), pair[1].id), reverse=call.query.get("direction") == "desc"
    )
    return page([call.records.comment(repository, *pair) for pair in found], call.query, call.url)


def list_events(call: Call) -> Reply:
    """Who gave the issue its labels, the oldest first."""
    records = [call.records.label_event(call.repository, call.issue, one) for one in call.issue.events]
    return page(records, call.query, call.url)


def list_labels(call: Call) -> Reply:
    """The labels of the repository."""
    records = [call.records.label(call.repository, name) for name in sorted(call.repository.labels)]
    return page(records, call.query, call.url)


def create_label(call: Call) -> Reply:
    """A new label of the repository."""
    name = call.required("Label", "name")
    if name.lower() in {label.lower() for label in call.repository.labels}:
        raise invalid("Label", "name", "already_exists")
    return Reply(201, call.records.label(call.repository, name))


def add_labels(call: Call) -> Reply:
    """Add labels to an issue; the repository gets those that it lacks."""
    names = call.texts("labels")
    if not names:
        raise invalid("Label", "labels", "missing_field")
    for name in names:
        call.hub.add_label(call.repository, name)
    call.hub.set_labels(call.issue, call.login, (*call.issue.labels, *names))
    return Reply(200, [call.records.label(call.repository, name) for name in call.issue.labels])


def remove_label(call: Call) -> Reply:
    """Take a label from an issue."""
    if call.path["label"] not in call.issue.labels:
        raise not_found()
    left = tuple(name for name in call.issue.labels if name != call.path["label"])
    call.hub.set_labels(call.issue, call.login, left)
    return Reply(200, [call.records.label(call.repository, name) for name in call.issue.labels])


_EITHER = (Permission.ISSUES, Permission.PULL_REQUESTS)
_R, _W = Access.READ, Access.WRITE
_ISSUE, _COMMENT = "/issues/{number:int}", "/issues/comments/{comment:int}"
ENDPOINTS = (
    Endpoint("GET", "/issues", list_issues, _R, _EITHER),
    Endpoint("POST", "/issues", create_issue, _W, (Permission.ISSUES,), ("issues.opened",)),
    Endpoint("GET", _ISSUE, show_issue, _R, _EITHER),
    Endpoint("PATCH", _ISSUE, edit_issue, _W, _EITHER, ("issues.edited",)),
    Endpoint("GET", f"{_ISSUE}/comments", list_comments, _R, _EITHER),
    Endpoint("POST", f"{_ISSUE}/comments", add_comment, _W, _EITHER, ("issue_comment.created",)),
    Endpoint("POST", f"{_ISSUE}/labels", add_labels, _W, _EITHER, ("issues.labeled",)),
    Endpoint("DELETE", f"{_ISSUE}/labels/{{label}}", remove_label, _W, _EITHER, ("issues.unlabeled",)),
    Endpoint("GET", f"{_ISSUE}/events", list_events, _R, _EITHER),
    Endpoint("GET", "/issues/comments", all_comments, _R, _EITHER),
    Endpoint("GET", _COMMENT, show_comment, _R, _EITHER),
    Endpoint("PATCH", _COMMENT, edit_comment, _W, _EITHER, ("issue_comment.edited",)),
    Endpoint("GET", "/labels", list_labels, _R, _EITHER),
    Endpoint("POST", "/labels", create_label, _W, _EITHER, ("label.created",)),
)


# ---------------------------------------------------------------------------------------------------------


def _comment(call: Call) -> tuple[Issue, Comment]:
    wanted = int(call.path["comment"])
    for issue in call.repository.issues.values():
        for comment in issue.comments:
            if comment.id == wanted:
                return issue, comment
    raise not_found()


def _body(call: Call) -> str | None:
    text = call.body.get("body")
    if text is not None and not isinstance(text, str):
        raise invalid("Issue", "body", "invalid")
    if text is not None and len(text) > MOST_BODY:
        raise invalid("Issue", "body", "custom", f"body is too long (maximum is {MOST_BODY} characters)")
    return text


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise invalid("Issue", "since", "invalid") from None
