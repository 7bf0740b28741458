"""Repositories that mean harm to whoever looks at them with git: each place that tells git what to do."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from nightcrew.errors import BadInput, NightcrewError
from nightcrew.execution.checkout.git import GitFailed
from nightcrew.execution.checkout.workspace import change_of, extract_patch, make_checkout, resolve_commit
from tests.attacks.rows import Findings, Row
from tests.execution.conftest import commit_all, git, make_repo

pytestmark = pytest.mark.attack(Row.GIT)
SECRET = "canary-of-another-repository"
GONE = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """The untrusted repository, with a branch and a reference to an object that is not there."""
    made = make_repo(tmp_path / "untrusted", {"README.md": "hello\n", "a.py": "A = 1\n"})
    git(made, "branch", "side")
    (made / ".git" / "refs" / "heads" / "gone").write_text(f"{GONE}\n")
    return made


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A repository of the operator's, which the untrusted one has nothing to do with."""
    made = make_repo(tmp_path / "private", {"secret.txt": f"{SECRET}\n"})
    git(made, "tag", "known")
    return made


def look_at(repo: Path, into: Path, *names: str) -> list[str]:
    """Do with a repository all that is ever done with one; what came of it in words, contents included."""
    met: list[str] = []
    for place in (str(repo), f"file://{repo}"):
        for base in ("HEAD", "main", "side", "gone", GONE, "refs/heads/gone", *names):
            try:
                commit = resolve_commit(place, base)
                made = make_checkout(place, commit, into / f"{len(met)}")
                met.append(f"read {base}: {sorted(path.name for path in made.path.iterdir())}")
                met += [path.read_text() for path in made.path.rglob("*") if path.is_file()]
                extract_patch(made)
                change_of(place, commit, "gone")
                change_of(place, commit, "side")
            except (NightcrewError, GitFailed) as error:
                met.append(f"{base}: {error}")
    return met


# What runs a program ---------------------------------------------------------------------------------------

PROMISED = {"extensions.partialClone": "evil", "remote.evil.promisor": "true"}
CONFIGURED: dict[str, dict[str, str]] = {
    "a promisor's uploadpack": {
        **PROMISED,
        "remote.evil.url": "{repo}",
        "remote.evil.uploadpack": "{run}; git-upload-pack",
    },
    "a promisor by ssh": {**PROMISED, "remote.evil.url": "ssh://nowhere/x", "core.sshCommand": "{run}"},
    "a promisor by ext": {
        **PROMISED,
        "remote.evil.url": "ext::sh -c {script}",
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
    },
    "a promisor that asks for a password": {
        **PROMISED,
        "remote.evil.url": "https://127.0.0.1:1/x",
        "credential.helper": "!{run}",
        "core.askPass": "{script}",
    },
    "a promisor behind a proxy": {
        **PROMISED,
        "remote.evil.url": "git://nowhere/x",
        "core.gitProxy": "{script}",
        "http.proxy": "http://127.0.0.1:1",
    },
    "a promisor with a helper of its own": {
        **PROMISED,
        "remote.evil.url": "x",
        "remote.evil.vcs": "ext",
        "url.ext::{script}.insteadOf": "x",
    },
    "programs of core": {
        "core.fsmonitor": "{script}",
        "core.hooksPath": "{hooks}",
        "core.pager": "{script}",
        "core.editor": "{script}",
        "core.alternateRefsCommand": "{script}",
    },
    "drivers of attributes": {
        "diff.external": "{script}",
        "diff.py.textconv": "{script}",
        "diff.py.command": "{script}",
        "filter.py.smudge": "{script}",
        "filter.py.clean": "{script}",
        "filter.py.process": "{script}",
        "filter.py.required": "true",
        "merge.py.driver": "{script}",
    },
    "programs of commands": {
        "uploadpack.packObjectsHook": "{script}",
        "gpg.program": "{script}",
        "log.showSignature": "true",
        "alias.rev-parse": "!{run}",
        "alias.fetch": "!{run}",
        "pager.diff-tree": "{script}",
    },
    "included files": {
        "include.path": "{included}",
        "includeIf.gitdir:/.path": "{included}",
        "extensions.worktreeConfig": "true",
    },
}
"""What a repository's configuration can name programs by."""


@pytest.mark.parametrize("kind", CONFIGURED)
def test_no_setting_of_a_repository_runs_a_program(
    repo: Path, tmp_path: Path, kind: str, finding: Findings
) -> None:
    proof, script, hooks, included = (tmp_path / name for name in ("ran", "script", "hooks", "included"))
    script.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    script.chmod(0o755)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-receive"):
        for folder in (hooks, repo / ".git" / "hooks"):
            folder.mkdir(exist_ok=True)
            shutil.copy(script, folder / name)
    (repo / ".gitattributes").write_text("*.py diff=py filter=py merge=py\n* ident\n")
    commit_all(repo)
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "attributes").write_text("* diff=py filter=py\n")
    included.write_text(f"[core]\n\tfsmonitor = {script}\n\tsshCommand = {script}\n")
    known = {"repo": repo, "run": f"touch {proof}", "script": script, "hooks": hooks, "included": included}
    config = repo / ".git" / "config"
    settings = {"core.repositoryformatversion": "1", **CONFIGURED[kind]}
    for name, value in settings.items():
        git(tmp_path, "config", "--file", str(config), name.format(**known), value.format(**known))
    shutil.copy(config, repo / ".git" / "config.worktree")
    proof.unlink(missing_ok=True)  # our own commit above may have run it
    met = look_at(repo, tmp_path / "clones")
    assert not proof.exists()
    assert any(line.startswith("read HEAD") for line in met), met
    refused = [line for line in met if line.startswith(("gone: ", f"{GONE}: "))]
    assert len(refused) == 4
    assert all("no commit" in line for line in refused)
    finding(refused[0])


def test_no_submodule_is_fetched(repo: Path, tmp_path: Path, finding: Findings) -> None:
    proof = tmp_path / "ran"
    (repo / ".gitmodules").write_text(
        f'[submodule "m"]\n\tpath = m\n\turl = ext::sh -c "touch {proof}"\n\tupdate = !touch {proof}\n'
    )
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{GONE},m")
    git(repo, "add", ".gitmodules")
    git(repo, "commit", "--quiet", "-m", "module")
    met = look_at(repo, tmp_path / "clones")
    assert not proof.exists()
    finding(met[0])


# What reads somebody else's repository ---------------------------------------------------------------------


def _borrows(repo: Path, private: Path) -> None:
    folder = repo / ".git" / "objects" / "info"
    folder.mkdir(exist_ok=True)
    (folder / "alternates").write_text(f"{private}/.git/objects\n")
    (folder / "http-alternates").write_text(f"{private}/.git/objects\n")


def _borrows_at_second_hand(repo: Path, private: Path) -> None:
    middle = repo / ".git" / "middle"
    (middle / "info").mkdir(parents=True)
    (middle / "info" / "alternates").write_text(f"{private}/.git/objects\n")
    (repo / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "objects" / "info" / "alternates").write_text("../middle\n")


def _replaced_by_link(*parts: str) -> Callable[[Path, Path], None]:
    def replace(repo: Path, private: Path) -> None:
        place = repo.joinpath(*parts)
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        place.symlink_to(private.joinpath(*parts))

    return replace


def _links_single_objects(repo: Path, private: Path) -> None:
    for path in (private / ".git" / "objects").glob("[0-9a-f][0-9a-f]/*"):
        place = repo / ".git" / "objects" / path.parent.name
        place.mkdir(exist_ok=True)
        (place / path.name).symlink_to(path)


def _links_a_pack(repo: Path, private: Path) -> None:
    git(private, "repack", "-a", "-d", "-q")
    for path in (private / ".git" / "objects" / "pack").iterdir():
        (repo / ".git" / "objects" / "pack" / path.name).symlink_to(path)


def _indexes_a_pack_elsewhere(repo: Path, private: Path) -> None:
    """An index of several packs gives each pack's name, which may lead out of the folder."""
    git(private, "repack", "-a", "-d", "-q")
    git(private, "multi-pack-index", "write")
    packs = private / ".git" / "objects" / "pack"
    (name,) = (path.name.encode() for path in packs.glob("*.idx"))
    content = (packs / "multi-pack-index").read_bytes()
    count = content[6]
    table = [content[12 + 12 * n : 24 + 12 * n] for n in range(count + 1)]
    starts = [int.from_bytes(entry[4:]) for entry in table]
    longer = os.path.relpath(packs / name.decode(), repo / ".git" / "objects" / "pack").encode() + b"\0"
    longer += bytes(-len(longer) % 4)
    chunks = {
        entry[:4]: content[start:end] for entry, start, end in zip(table, starts, starts[1:], strict=False)
    }
    chunks[b"PNAM"] = longer
    at, made = starts[0], content[:12]
    for kind, chunk in chunks.items():
        made += kind + at.to_bytes(8)
        at += len(chunk)
    made += bytes(4) + at.to_bytes(8) + b"".join(chunks.values())
    place = repo / ".git" / "objects" / "pack" / "multi-pack-index"
    place.write_bytes(made + hashlib.sha1(made, usedforsecurity=False).digest())


def _is_a_git_file(repo: Path, private: Path) -> None:
    shutil.rmtree(repo / ".git")
    (repo / ".git").write_text(f"gitdir: {private}/.git\n")


def _is_a_worktree_that_nobody_made(repo: Path, private: Path) -> None:
    git(private, "worktree", "add", "--quiet", "--detach", str(private.parent / "genuine"))
    shutil.rmtree(repo / ".git")
    (repo / ".git").write_text(f"gitdir: {private}/.git/worktrees/genuine\n")


def _has_a_forged_worktree(repo: Path, private: Path) -> None:
    """It points back, but what it shares is not its own."""
    forged = repo / "forged" / "worktrees" / "x"
    shutil.rmtree(repo / ".git")
    forged.mkdir(parents=True)
    (repo / ".git").write_text(f"gitdir: {forged}\n")
    (forged / "gitdir").write_text(f"{repo}/.git\n")
    (forged / "commondir").write_text(f"{private}/.git\n")
    (forged / "HEAD").write_text("ref: refs/heads/main\n")
    for name in ("objects", "refs"):
        (repo / "forged" / name).symlink_to(private / ".git" / name)
    (repo / "forged" / "HEAD").write_text("ref: refs/heads/main\n")


def _shares_a_common_folder(repo: Path, private: Path) -> None:
    (repo / ".git" / "commondir").write_text(f"{private}/.git\n")


def _is_bare_with_links(repo: Path, private: Path) -> None:
    shutil.rmtree(repo / ".git")
    (repo / "HEAD").write_text("ref: refs/heads/main\n")
    for name in ("objects", "refs"):
        (repo / name).symlink_to(private / ".git" / name)


def _has_a_core_worktree_elsewhere(repo: Path, private: Path) -> None:
    git(repo, "config", "core.worktree", str(private))


TOWARDS_ANOTHER = {
    "alternates": _borrows,
    "alternates of alternates": _borrows_at_second_hand,
    ".git is a link": _replaced_by_link(".git"),
    "objects is a link": _replaced_by_link(".git", "objects"),
    "refs is a link": _replaced_by_link(".git", "refs"),
    "HEAD is a link": _replaced_by_link(".git", "HEAD"),
    "a pack folder is a link": _replaced_by_link(".git", "objects", "pack"),
    "objects are links": _links_single_objects,
    "a pack is a link": _links_a_pack,
    "an index of packs elsewhere": _indexes_a_pack_elsewhere,
    ".git is a file": _is_a_git_file,
    "a worktree that nobody made": _is_a_worktree_that_nobody_made,
    "a forged worktree": _has_a_forged_worktree,
    "commondir": _shares_a_common_folder,
    "a bare repository of links": _is_bare_with_links,
    "core.worktree": _has_a_core_worktree_elsewhere,
}


@pytest.mark.parametrize("kind", TOWARDS_ANOTHER)
def test_no_other_repository_is_read(
    repo: Path, private: Path, tmp_path: Path, kind: str, finding: Findings
) -> None:
    theirs = git(private, "rev-parse", "HEAD")
    TOWARDS_ANOTHER[kind](repo, private)
    with suppress(OSError):  # names of theirs, where those of the untrusted repository are still its own
        (repo / ".git" / "refs" / "heads" / "known").write_text(f"{theirs}\n")
    met = look_at(repo, tmp_path / "clones", theirs, "known")
    assert not [line for line in met if SECRET in line or "secret.txt" in line]
    finding(next(line for line in met if not line.startswith("read")))


def test_a_link_to_a_file_that_is_no_repositorys_is_not_shown(
    repo: Path, tmp_path: Path, finding: Findings
) -> None:
    (tmp_path / "file").write_text(f"{SECRET}\n")
    for name in ("HEAD", "packed-refs", "shallow", "config", "refs/heads/main"):
        (repo / ".git" / name).unlink(missing_ok=True)
        (repo / ".git" / name).symlink_to(tmp_path / "file")
    met = look_at(repo, tmp_path / "clones")
    assert SECRET not in str(met)
    finding(met[0])


# What is other than it looks, or does not end --------------------------------------------------------------


def test_a_commit_is_not_replaced_by_another(repo: Path, tmp_path: Path, finding: Findings) -> None:
    honest = git(repo, "rev-parse", "HEAD")
    (repo / "a.py").write_text("A = 'other'\n")
    other = commit_all(repo)
    git(repo, "reset", "--quiet", "--hard", honest)
    git(repo, "replace", honest, other)
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "grafts").write_text(f"{honest} {other}\n")
    made = make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")
    assert (made.path / "a.py").read_text() == "A = 1\n"
    finding("the replacement had no effect")


@pytest.mark.parametrize(
    "name", ["HEAD", "packed-refs", "shallow", "config", "refs/heads/pipe", "objects/pack/pipe"]
)
def test_a_pipe_in_a_repository_holds_nobody_up(
    repo: Path, tmp_path: Path, name: str, finding: Findings
) -> None:
    (repo / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(repo / ".git" / name)
    met = look_at(repo, tmp_path / "clones")
    finding(met[-1])


def test_a_name_with_a_line_break_in_a_pointer_is_no_second_line(repo: Path, finding: Findings) -> None:
    shutil.rmtree(repo / ".git")
    (repo / ".git").write_bytes(b"gitdir: /\0/etc\n")
    with pytest.raises(BadInput) as refused:
        resolve_commit(str(repo), "HEAD")
    finding(refused.value)


def test_a_hostile_name_of_the_base_is_no_option(repo: Path, tmp_path: Path, finding: Findings) -> None:
    proof = tmp_path / "ran"
    for base in (
        f"--upload-pack=touch {proof}",
        f"--output={proof}",
        "@{-1}",
        ":/x",
        "HEAD:README.md",
        "^HEAD",
    ):
        with pytest.raises(BadInput) as refused:
            resolve_commit(str(repo), base)
        finding(refused.value)
        change_of(str(repo), git(repo, "rev-parse", "HEAD"), base)
    assert not proof.exists()
