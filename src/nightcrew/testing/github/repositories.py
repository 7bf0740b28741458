"""Repositories, branches, statuses, checks, webhooks and limits of the twin of GitHub."""

from nightcrew.execution.checkout.git import git
from nightcrew.testing.github.calls import Call
from nightcrew.testing.github.endpoint import Endpoint
from nightcrew.testing.github.records import Record, Records, moment
from nightcrew.testing.github.replies import Reply, invalid, not_found, page
from nightcrew.testing.github.state import Access, Hook, Permission, Repository

_STATES = ("error", "failure", "pending", "success")


def show_repository(call: Call) -> Reply:
    """The repository."""
    return Reply(200, call.records.repository(call.repository))


def show_permission(call: Call) -> Reply:
    """What a user may do in the repository."""
    login = call.path["login"]
    if login not in call.hub.users:
        raise not_found()
    permission = call.repository.permission_of(login)
    user = {**call.records.user(login), "role_name": permission}
    return Reply(200, {"permission": permission, "role_name": permission, "user": user})


def show_reference(call: Call) -> Reply:
    """The commit of a branch."""
    commit = call.repository.commit_of(call.path["branch"])
    if commit is None:
        raise not_found()
    url = f"{call.records.api}/repos/{call.repository.full_name}/git"
    return Reply(
        200,
        {
            "ref": f"refs/heads/{call.path['branch']}",
            "node_id": f"REF_{commit[:12]}",
            "url": f"{url}/refs/heads/{call.path['branch']}",
            "object": {"sha": commit, "type": "commit", "url": f"{url}/commits/{commit}"},
        },
    )


def list_commits(call: Call) -> Reply:
    """The commits of a branch since a time, the latest first."""
    branch = call.query.get("sha", call.repository.default_branch)
    words = ["log", "--format=%H%x00%an%x00%ae%x00%cI%x00%B%x01", f"refs/heads/{branch}"]
    words += [f"--since={call.query['since']}"] if "since" in call.query else []
    rows = git(*words, "--", git_dir=call.repository.git_dir).decode(errors="replace").split("\x01")
    found = [row.strip("\n").split("\0") for row in rows if row.strip()]
    records = [_commit(call.records, call.repository, *row) for row in found]
    return page(records, call.query, call.url)


def add_status(call: Call) -> Reply:
    """A status of a commit."""
    state, number, now = call.body.get("state"), call.hub.new_id(), moment(call.hub.now())
    if state not in _STATES:
        raise invalid("Status", "state", "custom", f"state must be one of {', '.join(_STATES)}")
    made: Record = {
        "url": f"{call.url}/{number}",
        "avatar_url": None,
        "id": number,
        "node_id": f"SC_{number}",
        "state": state,
        "description": call.body.get("description"),
        "target_url": call.body.get("target_url"),
        "context": call.body.get("context", "default"),
        "created_at": now,
        "updated_at": now,
    }
    call.repository.statuses.setdefault(call.path["commit"], []).append(made)
    return Reply(201, {**made, "creator": call.records.user(call.login)})


def combined_status(call: Call) -> Reply:
    """The last status of each context of a commit, and all together."""
    commit = call.repository.commit_of(call.path["commit"]) or call.path["commit"]
    last = {str(one["context"]): one for one in call.repository.statuses.get(commit, [])}
    states = {str(one["state"]) for one in last.values()}
    failed = bool(states & {"error", "failure"})
    state = "failure" if failed else "success" if states == {"success"} else "pending"
    url = f"{call.records.api}/repos/{call.repository.full_name}/commits/{commit}"
    return Reply(
        200,
        {
            **{"state": state, "statuses": list(last.values()), "sha": commit, "total_count": len(last)},
            **{"repository": call.records.repository(call.repository)},
            **{"commit_url": url, "url": f"{url}/status"},
        },
    )


def add_check(call: Call) -> Reply:
    """A run of a check on a commit."""
    commit, number = call.required("CheckRun", "head_sha"), call.hub.new_id()
    conclusion, now = call.body.get("conclusion"), moment(call.hub.now())
    output = {"title": None, "summary": None, "text": None, **(call.body.get("output") or {})}
    made: Record = {
        "id": number,
        "head_sha": commit,
        "node_id": f"CR_{number}",
        "external_id": call.body.get("external_id", ""),
        "url": f"{call.url}/{number}",
        "html_url": None,
        "details_url": call.body.get("details_url"),
        "status": "completed" if conclusion else call.body.get("status", "queued"),
        "conclusion": conclusion,
        "started_at": now,
        "completed_at": now if conclusion else None,
        "output": output | {"annotations_count": 0, "annotations_url": f"{call.url}/{number}/annotations"},
        "name": call.required("CheckRun", "name"),
        "check_suite": None,
        "app": None,
        "pull_requests": [],
    }
    call.repository.checks.setdefault(commit, []).append(made)
    return Reply(201, made)


def list_checks(call: Call) -> Reply:
    """The runs of checks on a commit."""
    commit = call.repository.commit_of(call.path["commit"]) or call.path["commit"]
    found = page(call.repository.checks.get(commit, []), call.query, call.url)
    total = len(call.repository.checks.get(commit, []))
    return Reply(200, {"total_count": total, "check_runs": found.body}, found.headers)


def list_hooks(call: Call) -> Reply:
    """The webhooks of the repository."""
    records = [call.records.hook(call.repository, one) for one in call.repository.hooks]
    return page(records, call.query, call.url)


def create_hook(call: Call) -> Reply:
    """A new webhook."""
    config = call.body.get("config") or {}
    if not str(config.get("url", "")).startswith(("http://", "https://")):
        raise invalid("Hook", "url", "missing_field")
    events = tuple(call.texts("events")) or ("push",)
    secret = str(config.get("secret") or "")
    made = Hook(call.hub.new_id(), str(config["url"]), secret, events, call.hub.now())
    call.repository.hooks.append(made)
    return Reply(201, call.records.hook(call.repository, made))


def show_user(call: Call) -> Reply:
    """The token's user."""
    record = call.records.user(call.login)
    empty = dict.fromkeys(
        ("name", "company", "blog", "location", "email", "hireable", "bio", "twitter_username")
    )
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    now = moment(call.hub.now())
    return Reply(200, {**record, **empty, **counts, "created_at": now, "updated_at": now})


def show_limits(call: Call) -> Reply:
    """What is left of the calls of this hour; asking costs none."""
    hub = call.hub
    left = max(hub.calls_per_hour - hub.calls_used, 0)
    core = {"limit": hub.calls_per_hour, "used": hub.calls_used, "remaining": left, "reset": hub.reset_at}
    search = {**core, "limit": 30, "used": 0, "remaining": 30}
    return Reply(200, {"resources": {"core": core, "search": search}, "rate": core})


_R, _W = Access.READ, Access.WRITE
_CONTENTS, _STATUSES = (Permission.CONTENTS,), (Permission.STATUSES,)
_CHECKS, _HOOKS = (Permission.CHECKS,), (Permission.HOOKS,)
ENDPOINTS = (
    Endpoint("GET", "", show_repository, _R, (Permission.METADATA,)),
    Endpoint("GET", "/collaborators/{login}/permission", show_permission, _R, (Permission.METADATA,)),
    Endpoint("GET", "/git/ref/heads/{branch:path}", show_reference, _R, _CONTENTS),
    Endpoint("GET", "/commits", list_commits, _R, _CONTENTS),
    Endpoint("POST", "/statuses/{commit}", add_status, _W, _STATUSES, ("status",)),
    Endpoint("GET", "/commits/{commit:path}/status", combined_status, _R, _STATUSES),
    Endpoint("POST", "/check-runs", add_check, _W, _CHECKS, ("check_run.created",)),
    Endpoint("GET", "/commits/{commit:path}/check-runs", list_checks, _R, _CHECKS),
    Endpoint("GET", "/hooks", list_hooks, _R, _HOOKS),
    Endpoint("POST", "/hooks", create_hook, _W, _HOOKS),
)
WITHOUT_REPOSITORY = (
    Endpoint("GET", "/user", show_user, _R),
    Endpoint("GET", "/rate_limit", show_limits, _R),
)


# ---------------------------------------------------------------------------------------------------------


def _commit(
    records: Records, repository: Repository, sha: str, name: str, email: str, at: str, message: str
) -> Record:
    """A commit."""
    url, person = f"{records.of(repository)}/commits/{sha}", {"name": name, "email": email, "date": at}
    return {
        "url": url,
        "sha": sha,
        "node_id": f"C_{sha[:12]}",
        "html_url": f"{records.web}/{repository.full_name}/commit/{sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "url": url,
            "author": person,
            "committer": person,
            "message": message,
            "comment_count": 0,
            "tree": {"sha": sha, "url": url},
        },
        "author": None,
        "committer": None,
        "parents": [],
    }
