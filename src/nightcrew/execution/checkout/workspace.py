"""The work tree of an attempt: its own clone at the base commit, and the change as a patch.

Nothing is shared with the user's repository, which is only read. The git directory is outside the tree, so
files called `.git` that an agent writes have no effect. Git never reads a tree that an agent wrote to; we
read it and pass the contents to git.
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
from nightcrew.execution.checkout.tree_patch import ENTRIES, TREE_BYTES, diff_of_tree
from nightcrew.secrets.files import let_sandboxes_read
from nightcrew.secrets.repository import learn_secrets
from nightcrew.untrusted import Unreadable, read_file

log = logging.getLogger(__name__)

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Caches that test runs leave behind are not part of a change.
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
    """A clone at one commit; `git_dir` is outside of `path`."""

    path: Path
    git_dir: Path
    commit: str


def resolve_commit(repo: str, base: str, *, credentials: Credentials | None = None) -> str:
    """The full id of the commit `base` in the repository at a path or URL.

    Raises:
        BadInput: there is no such repository or commit.
        Transient: a remote repository cannot be reached.
    """
    if protocol_of(repo) is Protocol.FILE:
        with opened(_local(repo)) as source:
            found = _resolve(source, base)
        if found is None and borrows(_local(repo)):
            raise BadInput(
                f"{repo} has no commit {base!r} of its own: it borrows objects from a repository that is "
                "not read; 'git repack -a -d' copies them"
            )
    else:
        found = _resolve_remote(_remote(repo, credentials), base)
    if found is None and base == "HEAD":
        raise BadInput(f"{repo} has no commit yet: make a first commit to start from")
    if found is None:
        raise BadInput(f"{repo} has no commit, tag or branch called {base!r}")
    return found


def is_uncommitted(repo: str, commit: str, name: str) -> bool:
    """True if the file `name` in a local repository's folder differs from the one in the commit."""
    if protocol_of(repo) is not Protocol.FILE:
        return False
    place = _local(repo) / name
    try:
        content = read_file(place)
    except FileNotFoundError:
        return False
    except (OSError, Unreadable):
        return not (place.is_dir() or place.is_symlink())
    with opened(_local(repo)) as source:
        try:
            return git("cat-file", "blob", f"{commit}:{name}", git_dir=source) != content
        except GitFailed:
            return True


def change_of(repo: str, base: str, name: str) -> bytes | None:
    """The change of the branch or commit `name` of a local repository since its merge base with `base`.

    A git diff; None if the repository is remote or has no such branch.
    """
    if protocol_of(repo) is not Protocol.FILE or not name or name.startswith("-"):
        return None
    with opened(_local(repo)) as source:
        tip = _resolve(source, name)
        if tip is None:
            return None
        try:
            fork = git("merge-base", base, tip, git_dir=source).decode().strip()
            # A plumbing command, which ignores users' diff settings (prefixes, colours, other programs).
            shape = ("-p", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index")
            return git("diff-tree", "-r", *shape, fork, tip, git_dir=source)
        except GitFailed as error:
            raise BadInput(f"cannot read the change of {name} since {base[:12]}: {error}") from None


def make_checkout(repo: str, commit: str, into: Path, *, credentials: Credentials | None = None) -> Checkout:
    """Clone `repo` at `commit` into the folders `into/tree` and `into/git`; `into` is created.

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
    check_size(commit, checkout.git_dir)
    try:
        git("read-tree", commit, git_dir=checkout.git_dir)
        git("checkout-index", "--all", "--force", "--quiet", git_dir=checkout.git_dir, tree=checkout.path)
    except GitFailed as error:
        raise BadInput(f"{repo} at {commit[:12]} cannot be checked out: {error}") from None
    learn_secrets(checkout.path)
    return checkout


def check_size(commit: str, git_dir: Path) -> None:
    """Refuse a commit of a few kilobytes whose trees and files would fill the disk.

    Raises:
        BadInput: it has too many files, or they are too large.
    """
    words = ("ls-tree", "-r", "--format=%(objectname) %(objectsize:padded)", commit)
    room = ENTRIES * (len(commit) + 10)
    try:
        sizes = git(*words, git_dir=git_dir, output_bytes=room).split()[1::2]
    except host.Overflow:
        raise BadInput(f"the commit {commit[:12]} has more than {ENTRIES} files") from None
    except GitFailed as error:
        raise BadInput(f"the commit {commit[:12]} cannot be read: {error}") from None
    used = sum(int(size) for size in sizes if size.isdigit())  # a submodule has none
    if len(sizes) > ENTRIES or used > TREE_BYTES:
        raise BadInput(
            f"the commit {commit[:12]} has {len(sizes)} files of {used} bytes: at most {ENTRIES} "
            f"files of {TREE_BYTES} bytes can be worked on"
        )


def extract_patch(checkout: Checkout) -> str:
    """The change in the tree since its commit, as a unified git diff; empty if there is none.

    A rename appears as a deletion and a new file, files other than UTF-8 text as binary patches, and a nested
    repository as a submodule's entry. Ignored files are left out.

    Raises:
        Rejected: the change is too large.
    """
    return diff_of_tree(checkout.path, checkout.git_dir, checkout.commit)


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
    # An annotated tag is an object of its own; its commit is listed with ^{}.
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
                f"{repo} does not have all of {checkout.commit[:12]}: {error} (objects that a partial or "
                "borrowing clone lacks have to be fetched: 'git fetch --refetch', 'git repack -a')"
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
            f"{remote.address} requires a login: submit the task once with https://user:token@host/path; the "
            "token is removed from the address and stored in the crew's home"
        )
    return BadInput(f"cannot read {remote.address}: {error}")
