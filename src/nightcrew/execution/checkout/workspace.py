"""The tree one attempt works in: a clone of its own at the base commit, and the change made to it as a patch.

Nothing is shared with the user's repository, which is only read. The git directory lies outside the tree and
is ours: what an agent does to files called `.git` has no meaning to us. Git never walks the tree that an
agent wrote to; we do, and tell git what is there.
"""

import logging
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nightcrew import host
from nightcrew.address import Protocol, folder_of, protocol_of
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.git import GitFailed, Remote, git
from nightcrew.execution.checkout.source import ATTRIBUTES, borrows, opened
from nightcrew.execution.checkout.tree_patch import diff_of_tree
from nightcrew.secrets.files import let_sandboxes_read
from nightcrew.secrets.repository import learn_secrets

log = logging.getLogger(__name__)

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REMOVE_SECONDS = 300
# What running tests leaves behind is no part of a change.
_EXCLUDES = """\
__pycache__/
*.py[cod]
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
.coverage
.coverage.*
htmlcov/
*.egg-info/
.venv/
node_modules/
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone at one commit. `git_dir` is outside `path` and belongs to Nightcrew."""

    path: Path
    git_dir: Path
    commit: str


def resolve_commit(repo: str, base: str, *, credentials: Credentials | None = None) -> str:
    """The full id of the commit that `base` names in the repository at a path or an address.

    Raises:
        BadInput: no such repository, or no such commit in it.
        Transient: a remote repository does not answer.
    """
    if protocol_of(repo) is Protocol.FILE:
        with opened(_local(repo)) as source:
            found = _resolve(source, base)
        if found is None and borrows(_local(repo)):
            raise BadInput(
                f"{repo} has no commit {base!r} of its own: it borrows objects from another one, which is "
                "not looked at; 'git repack -a -d' brings them in"
            )
    else:
        found = _resolve_remote(_remote(repo, credentials), base)
    if found is None and base == "HEAD":
        raise BadInput(f"{repo} has no commit yet: commit something to start from")
    if found is None:
        raise BadInput(f"{repo} has no commit, tag or branch called {base!r}")
    return found


def is_uncommitted(repo: str, commit: str, name: str) -> bool:
    """True where a local repository's folder has a file `name` that is not what the commit has of it."""
    if protocol_of(repo) is not Protocol.FILE:
        return False
    place = _local(repo) / name
    if not place.is_file() or place.is_symlink():
        return False
    with opened(_local(repo)) as source:
        try:
            return git("cat-file", "blob", f"{commit}:{name}", git_dir=source) != place.read_bytes()
        except GitFailed:
            return True


def change_of(repo: str, base: str, name: str) -> bytes | None:
    """What the branch or commit `name` of a local repository changed since it left the commit `base`.

    A git diff; None where the repository is elsewhere or has no such branch.
    """
    if protocol_of(repo) is not Protocol.FILE or not name or name.startswith("-"):
        return None
    with opened(_local(repo)) as source:
        tip = _resolve(source, name)
        if tip is None:
            return None
        try:
            fork = git("merge-base", base, tip, git_dir=source).decode().strip()
            # Plumbing: nobody's settings for diffs (prefixes, colours, other programs) count.
            shape = ("-p", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index")
            return git("diff-tree", "-r", *shape, fork, tip, git_dir=source)
        except GitFailed as error:
            raise BadInput(f"cannot read the change of {name} since {base[:12]}: {error}") from None


def make_checkout(repo: str, commit: str, into: Path, *, credentials: Credentials | None = None) -> Checkout:
    """A clone of `repo` at `commit` in the folders `into/tree` and `into/git`; `into` is made.

    Raises:
        BadInput: the repository cannot be read or lacks the commit.
    """
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    checkout = Checkout(into / "tree", into / "git", commit)
    checkout.path.mkdir()
    let_sandboxes_read(checkout.path)
    object_format = "sha256" if len(commit) == 64 else "sha1"
    git("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", checkout.git_dir)
    (checkout.git_dir / "info").mkdir(exist_ok=True)
    (checkout.git_dir / "info" / "attributes").write_text(ATTRIBUTES)
    (checkout.git_dir / "info" / "exclude").write_text(_EXCLUDES)
    _fetch(repo, checkout, credentials)
    try:
        git("read-tree", commit, git_dir=checkout.git_dir)
        git("checkout-index", "--all", "--force", "--quiet", git_dir=checkout.git_dir, tree=checkout.path)
    except GitFailed as error:
        raise BadInput(f"{repo} at {commit[:12]} cannot be checked out: {error}") from None
    learn_secrets(checkout.path)
    return checkout


def extract_patch(checkout: Checkout) -> str:
    """Everything changed in the tree since its commit, as a unified git diff; empty where nothing was.

    A rename is a deletion and a new file. Files that are not UTF-8 text are binary patches. A repository
    inside the tree is a submodule's entry. What the repository ignores is left out.

    Raises:
        Rejected: the change is too large to be looked at.
    """
    return diff_of_tree(checkout.path, checkout.git_dir, checkout.commit)


def remove_tree(path: Path) -> None:
    """Remove a folder whatever rights were taken away inside it, however deep it is; links not followed."""
    for command in (("rm", "-rf"), ("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        if path.exists():
            with suppress(host.Overtime):
                host.run([*command, "--", path], env=host.environment(), seconds=_REMOVE_SECONDS)
    if path.exists():
        log.error("%s could not be removed completely", path)


# ---------------------------------------------------------------------------------------------------------


def _local(repo: str) -> Path:
    path = folder_of(repo)
    if not path.is_dir():
        raise BadInput(f"{repo} is not a folder: give the path or the URL of a git repository")
    return path.resolve()


def _remote(repo: str, credentials: Credentials | None) -> Remote:
    return Remote(repo, protocol_of(repo), credentials.file_of(repo) if credentials else None)


def _resolve(source: Path, base: str) -> str | None:
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    with suppress(GitFailed):
        found = git(*words, git_dir=source).decode().strip()
        return found if _SHA.fullmatch(found) else None
    return None


def _resolve_remote(remote: Remote, base: str) -> str | None:
    if _SHA.fullmatch(base):
        return base
    names = [base]
    if base != "HEAD":
        names = [f"refs/heads/{base}", f"refs/tags/{base}", f"refs/tags/{base}^{{}}", base]
    try:
        lines = git("ls-remote", "--", remote.address, *names, remote=remote, seconds=60).decode()
    except GitFailed as error:
        raise _unreachable(remote, error) from None
    found = {name: sha for sha, name in (line.split("\t", 1) for line in lines.splitlines())}
    # A tag with a message is an object of its own; what it stands for is listed with ^{}.
    for name in sorted(names, key=lambda name: not name.endswith("^{}")):
        if name in found:
            return found[name]
    return None


def _fetch(repo: str, checkout: Checkout, credentials: Credentials | None) -> None:
    if protocol_of(repo) is not Protocol.FILE:
        remote = _remote(repo, credentials)
        try:
            _fetch_from(remote, checkout)
        except GitFailed as error:
            raise _unreachable(remote, error) from None
        return
    with opened(_local(repo)) as source:
        try:
            _fetch_from(Remote(os.fspath(source), Protocol.FILE), checkout)
        except GitFailed as error:
            raise BadInput(
                f"{repo} does not hold all of {checkout.commit[:12]}: {error} (what a partial or "
                "borrowing clone leaves elsewhere has to be fetched: 'git fetch --refetch', 'git repack -a')"
            ) from None


def _fetch_from(remote: Remote, checkout: Checkout) -> None:
    options = ("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    words = ("fetch", *options, "--", remote.address, checkout.commit)
    git(*words, git_dir=checkout.git_dir, remote=remote)


def _unreachable(remote: Remote, error: GitFailed) -> Exception:
    if "Could not resolve host" in str(error):
        return Transient(f"cannot reach {remote.address}: {error}")
    if "could not read Username" in str(error) or "Authentication failed" in str(error):
        return BadInput(
            f"{remote.address} asks who we are: hand the task in once with https://user:token@host/path; the "
            "token is taken out, and kept in the crew's home"
        )
    return BadInput(f"cannot read {remote.address}: {error}")
