"""The tree one attempt works in: a clone of its own at the base commit, and the change made to it as a patch.

Nothing is shared with the user's repository, which is only read. The git directory lies outside the tree and
is ours: what an agent does to files called `.git` has no meaning to us. Git never walks the tree that an
agent wrote to; we do, and tell git what is there.
"""

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nightcrew import host
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.execution.checkout.tree_patch import diff_of_tree
from nightcrew.secrets.files import let_sandboxes_read

log = logging.getLogger(__name__)

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REMOVE_SECONDS = 300
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[^/]+@[^/]+:")

# Stronger than any attribute in the tree: files are checked out and compared byte for byte.
_ATTRIBUTES = "* -text !eol -ident !filter !working-tree-encoding !diff !merge\n"
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


def resolve_commit(repo: str, base: str) -> str:
    """The full id of the commit that `base` names in the repository at a path or URL.

    Raises:
        BadInput: no such repository, or no such commit in it.
        Transient: a remote repository does not answer.
    """
    found = _resolve_remote(repo, base) if _is_url(repo) else _resolve_local(_local(repo), base)
    if found is None and base == "HEAD":
        raise BadInput(f"{repo} has no commit yet: commit something to start from")
    if found is None:
        raise BadInput(f"{repo} has no commit, tag or branch called {base!r}")
    return found


def change_of(repo: str, base: str, name: str) -> bytes | None:
    """What the branch or commit `name` of a local repository changed since it left the commit `base`.

    A git diff; None where the repository is elsewhere or has no such branch.
    """
    if _is_url(repo) or not name or name.startswith("-"):
        return None
    folder = _local(repo)
    tip = _resolve_local(folder, name)
    if tip is None:
        return None
    here = ("-c", "safe.directory=*", "-C", folder)
    try:
        fork = git(*here, "merge-base", base, tip).decode().strip()
        # Plumbing: the user's settings for diffs (prefixes, colours, other programs) do not count.
        shape = ("-p", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index")
        return git(*here, "diff-tree", "-r", *shape, fork, tip)
    except GitFailed as error:
        raise BadInput(f"cannot read the change of {name} since {base[:12]}: {error}") from None


def make_checkout(repo: str, commit: str, into: Path) -> Checkout:
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
    (checkout.git_dir / "info" / "attributes").write_text(_ATTRIBUTES)
    (checkout.git_dir / "info" / "exclude").write_text(_EXCLUDES)
    _fetch(repo, checkout)
    try:
        git("read-tree", commit, git_dir=checkout.git_dir)
        git("checkout-index", "--all", "--force", "--quiet", git_dir=checkout.git_dir, tree=checkout.path)
    except GitFailed as error:
        raise BadInput(f"{repo} at {commit[:12]} cannot be checked out: {error}") from None
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


def _is_url(repo: str) -> bool:
    return bool(_URL.match(repo)) and not Path(repo).exists()


def _local(repo: str) -> Path:
    path = Path(repo).expanduser()
    if not path.is_dir():
        raise BadInput(f"{repo} is not a folder: give the path or the URL of a git repository")
    return path.resolve()


def _resolve_local(repo: Path, base: str) -> str | None:
    try:
        git("-c", "safe.directory=*", "-C", repo, "rev-parse", "--git-dir")
    except GitFailed as error:
        raise BadInput(f"{repo} is not a git repository ({error})") from None
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    with suppress(GitFailed):
        return git("-c", "safe.directory=*", "-C", repo, *words).decode().strip()
    return None


def _resolve_remote(repo: str, base: str) -> str | None:
    if _SHA.fullmatch(base):
        return base
    names = (
        [base]
        if base == "HEAD"
        else [f"refs/heads/{base}", f"refs/tags/{base}", f"refs/tags/{base}^{{}}", base]
    )
    try:
        lines = git("ls-remote", "--", repo, *names, own_configuration=True, seconds=60).decode().splitlines()
    except GitFailed as error:
        raise BadInput(f"cannot read {repo}: {error}") from None
    found = {name: sha for sha, name in (line.split("\t", 1) for line in lines)}
    # A tag with a message is an object of its own; what it stands for is listed with ^{}.
    for name in sorted(names, key=lambda name: not name.endswith("^{}")):
        if name in found:
            return found[name]
    return None


def _fetch(repo: str, checkout: Checkout) -> None:
    remote = _is_url(repo)
    source = repo if remote else str(_local(repo))
    options = ["--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
    if not remote:
        # The other side of a local fetch is git too: the repository may belong to somebody else.
        options.append(
            "--upload-pack=git -c safe.directory=* -c uploadpack.allowAnySHA1InWant=true upload-pack"
        )
    try:
        git(
            "fetch",
            *options,
            "--",
            source,
            checkout.commit,
            git_dir=checkout.git_dir,
            own_configuration=remote,
        )
    except GitFailed as error:
        if remote and "Could not resolve host" in str(error):
            raise Transient(f"cannot reach {repo}: {error}") from None
        raise BadInput(f"cannot fetch {checkout.commit[:12]} from {repo}: {error}") from None
