"""Pull requests and reviews of the twin of GitHub, on branches of real git repositories."""

import re

from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.testing.github.calls import Call
from nightcrew.testing.github.endpoint import Endpoint
from nightcrew.testing.github.issues import change
from nightcrew.testing.github.records import Record, Records, moment
from nightcrew.testing.github.replies import Refused, Reply, error, invalid, page
from nightcrew.testing.github.state import Access, Issue, Permission, Pull, Remark, Repository, Review

_CLOSES = re.compile(r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? #(\d{1,9})\b")
_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
_PEOPLE = {
    **{"GIT_AUTHOR_NAME": "GitHub twin", "GIT_AUTHOR_EMAIL": "noreply@localhost"},
    **{"GIT_COMMITTER_NAME": "GitHub twin", "GIT_COMMITTER_EMAIL": "noreply@localhost"},
}


def list_pulls(call: Call) -> Reply:
    """The pull requests, by default the open ones, the latest first; `head` is `owner:branch`."""
    query, repository = call.query, call.repository
    state = query.get("state", "open")
    rows = []
    for one in repository.issues.values():
        if one.pull is None or state not in {"all", one.state}:
            continue
        head = f"{repository.owner}:{one.pull.head}"
        if query.get("head", head) == head and query.get("base", one.pull.base) == one.pull.base:
            rows.append(_record(call, one, one.pull, whole=False))
    rows.sort(key=lambda row: int(row["number"]), reverse=query.get("direction") != "asc")
    return page(rows, query, call.url)


def create_pull(call: Call) -> Reply:
    """A new pull request for a branch of the repository."""
    repository = call.repository
    title, base = call.required("PullRequest", "title"), call.required("PullRequest", "base")
    head = call.required("PullRequest", "head").removeprefix(f"{repository.owner}:")
    commit, base_commit = repository.commit_of(head), repository.commit_of(base)
    for name, found in (("head", commit), ("base", base_commit)):
        if found is None:
            raise invalid("PullRequest", name, "invalid")
    for one in repository.issues.values():
        if one.state == "open" and one.pull and (one.pull.head, one.pull.base) == (head, base):
            known = f"A pull request already exists for {repository.owner}:{head}."
            raise invalid("PullRequest", "", "custom", known)
    if _counted(repository, base, head) == 0:
        raise invalid("PullRequest", "", "custom", f"No commits between {base} and {head}")
    pull = Pull(head, base, bool(call.body.get("draft")), commit or "")
    made = call.hub.add_issue(repository, call.login, title, call.body.get("body"), pull=pull)
    return Reply(201, _record(call, made, pull))


def show_pull(call: Call) -> Reply:
    """One pull request."""
    return Reply(200, _record(call, call.issue, call.pull))


def edit_pull(call: Call) -> Reply:
    """Change title, text or state of a pull request."""
    _ = call.pull
    change(call, "PullRequest")
    return show_pull(call)


def merge_pull(call: Call) -> Reply:
    """Merge a pull request; issues that its text closes are closed."""
    repository, issue, pull = call.repository, call.issue, call.pull
    _follow(repository, issue, pull)
    if call.body.get("sha") not in {None, pull.head_commit}:
        raise Refused(error(409, "Head branch was modified. Review and try the merge again."))
    tree = _merged_tree(repository, pull)
    if issue.state != "open" or pull.draft or tree is None:
        raise Refused(error(405, "Pull Request is not mergeable"))
    parents = [f"refs/heads/{pull.base}"]
    if call.body.get("merge_method") != "squash":
        parents.append(f"refs/heads/{pull.head}")
    words = [word for parent in parents for word in ("-p", parent)]
    title = str(call.body.get("commit_title") or f"{issue.title} (#{issue.number})")
    made = git("commit-tree", tree, *words, git_dir=repository.git_dir, stdin=title.encode(), env=_PEOPLE)
    pull.merge_commit = made.decode().strip()
    git("update-ref", f"refs/heads/{pull.base}", pull.merge_commit, git_dir=repository.git_dir)
    now = call.hub.now()
    pull.merged_at, pull.merged_by = now, call.login
    issue.state, issue.closed_at, issue.updated_at = "closed", now, now
    for number in map(int, _CLOSES.findall(issue.body or "")):
        if (other := repository.issues.get(number)) and other.state == "open":
            other.state, other.closed_at, other.updated_at = "closed", now, now
    body = {"sha": pull.merge_commit, "merged": True, "message": "Pull Request successfully merged"}
    return Reply(200, body)


def list_reviews(call: Call) -> Reply:
    """The reviews of a pull request, the oldest first."""
    records = [call.records.review(call.repository, call.issue, one) for one in call.pull.reviews]
    return page(records, call.query, call.url)


def add_review(call: Call) -> Reply:
    """A review: an approval, a comment, or a request for changes."""
    state = _STATES.get(str(call.body.get("event", "COMMENT")))
    if state is None:
        raise invalid("PullRequestReview", "event", "invalid")
    if state != "COMMENTED" and call.login == call.issue.login:
        own = "Can not approve your own pull request"
        raise Refused(error(422, "Unprocessable Entity", errors=[own]))
    at, text = call.hub.now(), str(call.body.get("body") or "")
    made = Review(call.hub.new_id(), call.login, state, text, call.pull.head_commit, at)
    call.pull.reviews.append(made)
    for one in call.body.get("comments") or []:
        line = int(one.get("line") or 1)
        remark = Remark(call.hub.new_id(), made, str(one["path"]), line, str(one["body"]))
        call.pull.remarks.append(remark)
    call.issue.updated_at = at
    return Reply(200, call.records.review(call.repository, call.issue, made))


def list_remarks(call: Call) -> Reply:
    """The comments on lines of a pull request, the oldest first."""
    records = [_remark(call.records, call.repository, call.issue, one) for one in call.pull.remarks]
    return page(records, call.query, call.url)


def ask_reviewers(call: Call) -> Reply:
    """Ask people for a review."""
    for login in call.texts("reviewers"):
        if login not in call.hub.users:
            known = "Reviews may only be requested from collaborators."
            raise Refused(error(422, known))
        if login not in call.pull.reviewers:
            call.pull.reviewers.append(login)
    return Reply(201, _record(call, call.issue, call.pull, whole=False))


_R, _W = Access.READ, Access.WRITE
_ONLY, _PULL = (Permission.PULL_REQUESTS,), "/pulls/{number:int}"
ENDPOINTS = (
    Endpoint("GET", "/pulls", list_pulls, _R, _ONLY),
    Endpoint("POST", "/pulls", create_pull, _W, _ONLY, ("pull_request.opened",)),
    Endpoint("GET", _PULL, show_pull, _R, _ONLY),
    Endpoint("PATCH", _PULL, edit_pull, _W, _ONLY, ("pull_request.edited",)),
    Endpoint("PUT", f"{_PULL}/merge", merge_pull, _W, (Permission.CONTENTS,), ("pull_request.closed",)),
    Endpoint("GET", f"{_PULL}/reviews", list_reviews, _R, _ONLY),
    Endpoint("POST", f"{_PULL}/reviews", add_review, _W, _ONLY, ("pull_request_review.submitted",)),
    Endpoint("GET", f"{_PULL}/comments", list_remarks, _R, _ONLY),
    Endpoint("POST", f"{_PULL}/requested_reviewers", ask_reviewers, _W, _ONLY),
)


# ---------------------------------------------------------------------------------------------------------


def _record(call: Call, issue: Issue, pull: Pull, *, whole: bool = True) -> Record:
    repository = call.repository
    _follow(repository, issue, pull)
    more: Record = {}
    if whole:
        mergeable = issue.state == "open" and _merged_tree(repository, pull) is not None
        more = {
            "merged": pull.merged_at is not None,
            "mergeable": mergeable,
            "mergeable_state": "clean" if mergeable else "dirty",
            "merged_by": call.records.user(pull.merged_by) if pull.merged_by else None,
            "comments": len(issue.comments),
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": _counted(repository, pull.base, pull.head),
            **_changes(repository, pull),
        }
    return call.records.pull(repository, issue, pull, more)


def _remark(records: Records, repository: Repository, issue: Issue, one: Remark) -> Record:
    """A comment of a review on one line of a file."""
    pull = f"{records.of(repository)}/pulls/{issue.number}"
    url = f"{records.of(repository)}/pulls/comments/{one.id}"
    page = f"{records.web}/{repository.full_name}/pull/{issue.number}#discussion_r{one.id}"
    return {
        "id": one.id,
        "node_id": f"PRRC_{one.id}",
        "url": url,
        "html_url": page,
        "pull_request_url": pull,
        "pull_request_review_id": one.review.id,
        "diff_hunk": f"@@ -{one.line} +{one.line} @@",
        "path": one.path,
        "line": one.line,
        "position": one.line,
        "original_position": one.line,
        "commit_id": one.review.commit,
        "original_commit_id": one.review.commit,
        "user": records.user(one.review.login),
        "body": one.body,
        "author_association": records.association(repository, one.review.login),
        "created_at": moment(one.review.at),
        "updated_at": moment(one.review.at),
        "_links": {
            name: {"href": link} for name, link in {"self": url, "html": page, "pull_request": pull}.items()
        },
    }


def _follow(repository: Repository, issue: Issue, pull: Pull) -> None:
    """Take the branch's newest commit as the head, as long as the pull request is open."""
    if issue.state == "open":
        pull.head_commit = repository.commit_of(pull.head) or pull.head_commit


def _counted(repository: Repository, base: str, head: str) -> int:
    span = f"refs/heads/{base}..refs/heads/{head}"
    try:
        return int(git("rev-list", "--count", span, "--", git_dir=repository.git_dir))
    except GitFailed:  # a branch is gone
        return 0


def _changes(repository: Repository, pull: Pull) -> dict[str, int]:
    span = f"refs/heads/{pull.base}...{pull.head_commit}"
    try:
        rows = git("diff", "--numstat", span, "--", git_dir=repository.git_dir).decode().splitlines()
    except GitFailed:
        rows = []
    counts = [[int(word) if word.isdigit() else 0 for word in row.split("\t")[:2]] for row in rows]
    added, gone = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    return {"additions": added, "deletions": gone, "changed_files": len(rows)}


def _merged_tree(repository: Repository, pull: Pull) -> str | None:
    """The tree of the merge; None if there are conflicts."""
    sides = (f"refs/heads/{pull.base}", f"refs/heads/{pull.head}")
    try:
        return git("merge-tree", "--write-tree", *sides, git_dir=repository.git_dir).decode().split()[0]
    except GitFailed:
        return None
