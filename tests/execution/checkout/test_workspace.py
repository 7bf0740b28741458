"""Clones of one's own, and the change made to them as a patch: with real git, and trees that mean harm."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nightcrew import host
from nightcrew.errors import BadInput, Rejected
from nightcrew.execution.checkout import tree_patch
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.checkout.workspace import (
    Checkout,
    extract_patch,
    make_checkout,
    resolve_commit,
)
from tests.execution.conftest import commit_all, git, make_repo
from tests.execution.test_execution_engine import digest


@pytest.fixture
def checkout(repo: Path, tmp_path: Path) -> Checkout:
    return make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")


def applied(repo: Path, patch: str, tmp_path: Path) -> Path:
    """The repository's base with the patch applied by git itself."""
    target = tmp_path / "applied"
    subprocess.run(["git", "clone", "--quiet", str(repo), str(target)], check=True)
    subprocess.run(["git", "apply", "--index", "-"], cwd=target, input=patch.encode(), check=True)
    return target


def headings(patch: str) -> list[str]:
    return [line.split(" b/", 1)[1] for line in patch.splitlines() if line.startswith("diff --git")]


# Finding and cloning ---------------------------------------------------------------------------------------


def test_a_base_can_be_named_in_every_usual_way(repo: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    git(repo, "tag", "plain")
    git(repo, "tag", "-m", "annotated", "v1")
    git(repo, "branch", "side")
    second = commit_all(repo)
    url = f"file://{repo}"
    for place in (str(repo), url):
        assert resolve_commit(place, "HEAD") == second
        assert [resolve_commit(place, name) for name in ("plain", "v1", "side")] == [first] * 3
        assert resolve_commit(place, first) == first
        assert resolve_commit(place, first[:10]) == first
    assert resolve_commit(str(repo), "HEAD~1") == first


@pytest.mark.parametrize("base", ["no-such-branch", "0" * 40, "HEAD~99"])
def test_a_base_that_is_not_there_is_bad_input(repo: Path, base: str) -> None:
    with pytest.raises(BadInput, match="no commit"):
        resolve_commit(str(repo), base)


def test_a_place_that_is_no_repository_is_bad_input(tmp_path: Path) -> None:
    for place in (str(tmp_path), str(tmp_path / "missing"), f"file://{tmp_path}/missing"):
        with pytest.raises(BadInput):
            resolve_commit(place, "HEAD")
    for place in ("ext::sh -c 'touch /tmp/x'", "--upload-pack=touch"):
        with pytest.raises(BadInput):
            resolve_commit(place, "HEAD")


@pytest.mark.parametrize("kind", ["path", "url", "bare", "worktree", "shallow"])
def test_every_kind_of_repository_can_be_cloned(repo: Path, tmp_path: Path, kind: str) -> None:
    commit_all(repo)
    source = str(repo)
    if kind == "url":
        source = f"file://{repo}"
    elif kind == "worktree":
        git(repo, "worktree", "add", "--quiet", "--detach", str(tmp_path / "other"))
        source = str(tmp_path / "other")
    elif kind in {"bare", "shallow"}:
        options = ["--bare"] if kind == "bare" else ["--depth=1"]
        subprocess.run(
            ["git", "clone", "--quiet", *options, f"file://{repo}", str(tmp_path / kind)], check=True
        )
        source = str(tmp_path / kind)
    commit = resolve_commit(source, "HEAD")
    made = make_checkout(source, commit, tmp_path / "clone")
    assert (made.path / "src/shop/tax.py").read_text().startswith("def rate")
    assert made.commit == commit
    assert not (made.path / ".git").exists()
    assert extract_patch(made) == ""


def test_an_older_commit_and_one_on_no_branch_can_be_cloned(repo: Path, tmp_path: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    (repo / "later.txt").write_text("later\n")
    lost = commit_all(repo)
    git(repo, "reset", "--quiet", "--hard", first)
    assert not (make_checkout(str(repo), first, tmp_path / "a").path / "later.txt").exists()
    assert (make_checkout(str(repo), lost, tmp_path / "b").path / "later.txt").exists()


def test_the_source_is_only_read_and_nothing_is_shared(repo: Path, tmp_path: Path) -> None:
    (repo / "dirty.txt").write_text("mine\n")
    before = digest(repo)
    made = make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")
    (made.path / "README.md").write_text("changed\n")
    extract_patch(made)
    assert digest(repo) == before
    assert not (made.git_dir / "objects" / "info" / "alternates").exists()
    inodes = {path.stat().st_ino for path in repo.rglob("*") if path.is_file()}
    assert not inodes & {
        path.stat().st_ino for path in tmp_path.joinpath("clone").rglob("*") if path.is_file()
    }
    assert not (made.path / "dirty.txt").exists()


def test_the_sources_hooks_filters_and_helpers_do_not_run(repo: Path, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    (repo / ".gitattributes").write_text("*.md filter=evil\n")
    commit_all(repo)
    for hook in ("post-checkout", "pre-receive", "update", "post-update"):
        path = repo / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {proof}\n")
        path.chmod(0o755)
    for name in ("filter.evil.smudge", "filter.evil.clean", "core.fsmonitor", "uploadpack.packObjectsHook"):
        git(repo, "config", name, f"touch {proof}; cat")
    before = resolve_commit(str(repo), "HEAD")
    proof.unlink(missing_ok=True)  # the user's own git may have run them
    make_checkout(str(repo), before, tmp_path / "clone")
    assert not proof.exists()


# Taking the change out -------------------------------------------------------------------------------------


def test_every_kind_of_change_is_in_the_patch_and_applies_elsewhere(
    repo: Path, checkout: Checkout, tmp_path: Path
) -> None:
    tree = checkout.path
    (tree / "README.md").write_text("# New\n")
    (tree / "AGENTS.md").unlink()
    (tree / "src/shop/tax.py").rename(tree / "src/shop/duty.py")
    (tree / "binary.dat").write_bytes(bytes(range(256)))
    (tree / "tests/test_tax.py").chmod(0o755)
    (tree / "link").symlink_to("README.md")
    (tree / "new folder").mkdir()
    (tree / "new folder" / 'é "quoted"\n.txt').write_text("x")
    (tree / "empty").touch()
    (tree / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    patch = extract_patch(checkout)
    result = applied(repo, patch, tmp_path)
    assert git(result, "status", "--porcelain", "--ignored") != ""
    for path in sorted(tree.rglob("*")):
        other = result / path.relative_to(tree)
        if path.is_symlink():
            assert other.readlink() == path.readlink()
        elif path.is_file():
            assert other.read_bytes() == path.read_bytes()
            assert os.access(other, os.X_OK) == os.access(path, os.X_OK) or os.getuid() == 0
    assert not (result / "AGENTS.md").exists()
    assert not (result / "src/shop/tax.py").exists()
    for expected in ("deleted file mode", "new file mode 120000", "GIT binary patch", "new mode 100755"):
        assert expected in patch


def test_text_in_another_encoding_is_a_binary_patch_and_the_rest_stays_readable(
    repo: Path, tmp_path: Path
) -> None:
    (repo / "latin.txt").write_bytes(b"caf\xe9\n")
    commit_all(repo)
    checkout = make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")
    (checkout.path / "latin.txt").write_bytes(b"caf\xe9 au lait\n")
    (checkout.path / "README.md").write_text("# Café\n")
    patch = extract_patch(checkout)
    assert "+# Café" in patch
    assert "GIT binary patch" in patch
    assert (applied(repo, patch, tmp_path) / "latin.txt").read_bytes() == b"caf\xe9 au lait\n"


def test_what_is_ignored_and_what_tools_leave_is_no_part_of_the_change(checkout: Checkout) -> None:
    for name in (
        "ignored/x",
        "__pycache__/a.pyc",
        ".pytest_cache/v",
        "src/shop/__pycache__/b.pyc",
        ".coverage",
    ):
        (checkout.path / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout.path / name).write_text("x")
    assert extract_patch(checkout) == ""


def test_a_known_file_in_an_ignored_folder_still_counts(repo: Path, tmp_path: Path) -> None:
    (repo / "ignored").mkdir()
    (repo / "ignored" / "kept.txt").write_text("kept\n")
    git(repo, "add", "--force", "ignored/kept.txt")
    commit_all(repo)
    checkout = make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")
    (checkout.path / "ignored" / "kept.txt").write_text("changed\n")
    (checkout.path / "ignored" / "new.txt").write_text("new\n")
    assert headings(extract_patch(checkout)) == ["ignored/kept.txt"]


def test_ignore_rules_written_by_the_agent_hide_no_change_of_a_known_file(checkout: Checkout) -> None:
    (checkout.path / ".gitignore").write_text("*\n")
    (checkout.path / "README.md").write_text("changed\n")
    (checkout.path / "hidden.txt").write_text("new\n")
    assert headings(extract_patch(checkout)) == [".gitignore", "README.md"]


def test_attributes_written_by_the_agent_hide_nothing(checkout: Checkout) -> None:
    (checkout.path / ".gitattributes").write_text("* -diff binary text eol=lf export-ignore ident\n")
    (checkout.path / "README.md").write_bytes(b"$Id$ changed\r\n")
    patch = extract_patch(checkout)
    assert "+$Id$ changed\r\n" in patch


def test_repositories_inside_the_tree_are_shown_as_such(checkout: Checkout) -> None:
    (checkout.path / "nested").mkdir()
    git(checkout.path / "nested", "init", "--quiet")
    (checkout.path / "nested" / "file").write_text("hidden\n")
    (checkout.path / "src" / ".GIT").mkdir()
    git(checkout.path, "init", "--quiet")
    patch = extract_patch(checkout)
    assert "new file mode 160000" in patch
    assert "+Subproject commit" in patch
    # A folder of the base that became a repository is gone as a folder.
    assert "deleted file mode 100644" in patch


def test_a_submodule_of_the_base_is_no_change_until_it_is_one(repo: Path, tmp_path: Path) -> None:
    inner = make_repo(tmp_path / "inner", {"a": "a"})
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    commit_all(repo)
    checkout = make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")
    assert extract_patch(checkout) == ""
    (checkout.path / "sub").rmdir()
    assert extract_patch(checkout) == ""
    (checkout.path / "sub").write_text("now a file\n")
    assert "deleted file mode 160000" in extract_patch(checkout)


def test_a_file_that_became_a_folder_and_the_other_way_round(
    repo: Path, checkout: Checkout, tmp_path: Path
) -> None:
    (checkout.path / "README.md").unlink()
    (checkout.path / "README.md").mkdir()
    (checkout.path / "README.md" / "x").write_text("x\n")
    remove_tree(checkout.path / "tests")
    (checkout.path / "tests").write_text("no tests\n")
    result = applied(repo, extract_patch(checkout), tmp_path)
    assert (result / "README.md" / "x").exists()
    assert (result / "tests").read_text() == "no tests\n"


def test_pipes_sockets_and_closed_folders_stop_nothing(checkout: Checkout) -> None:
    os.mkfifo(checkout.path / "pipe")
    (checkout.path / ".gitignore").unlink()
    os.mkfifo(checkout.path / ".gitignore")
    (checkout.path / "closed").mkdir()
    (checkout.path / "closed" / "file").write_text("x\n")
    (checkout.path / "closed" / "file").chmod(0)
    (checkout.path / "closed").chmod(0)
    assert headings(extract_patch(checkout)) == [".gitignore", "closed/file"]


def test_a_change_too_large_is_refused(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    with (checkout.path / "sparse").open("wb") as file:
        file.truncate(tree_patch.CHANGE_BYTES + 1)
    with pytest.raises(Rejected, match="too large"):
        extract_patch(checkout)
    (checkout.path / "sparse").unlink()
    monkeypatch.setattr(tree_patch, "ENTRIES", 5)
    with pytest.raises(Rejected, match="more than 5 files"):
        extract_patch(checkout)


def test_folders_nested_too_deep_are_refused_and_removed(checkout: Checkout) -> None:
    script = "for n in $(seq 1500); do mkdir dddd && cd dddd; done; touch file"
    subprocess.run(["bash", "-c", script], cwd=checkout.path, check=True)
    with pytest.raises(Rejected, match="too deep"):
        extract_patch(checkout)
    remove_tree(checkout.path)
    assert not checkout.path.exists()


def test_taking_it_out_twice_gives_the_same(checkout: Checkout) -> None:
    (checkout.path / "a.txt").write_text("a\n")
    assert extract_patch(checkout) == extract_patch(checkout) != ""


def test_a_tree_with_closed_folders_is_removed(tmp_path: Path) -> None:
    (tmp_path / "t" / "closed" / "deep").mkdir(parents=True)
    (tmp_path / "t" / "closed" / "deep" / "file").touch()
    (tmp_path / "keep").mkdir()
    (tmp_path / "t" / "link").symlink_to(tmp_path / "keep")
    (tmp_path / "t" / "closed" / "deep").chmod(0)
    (tmp_path / "t" / "closed").chmod(0)
    remove_tree(tmp_path / "t")
    assert not (tmp_path / "t").exists()
    assert (tmp_path / "keep").exists()


def test_a_file_that_others_share_keeps_its_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    shared = tmp_path / "shared"
    shared.touch()
    shared.chmod(0o444)
    (tmp_path / "tree" / "file").hardlink_to(shared)
    run = host.run

    def fail_to_remove(command: list[str | Path], **options: Any) -> host.Ended:
        return run(["true"] if command[0] == "rm" else command, **options)

    monkeypatch.setattr(host, "run", fail_to_remove)  # as where another process still writes there
    remove_tree(tmp_path / "tree")
    assert shared.stat().st_mode & 0o777 == 0o444
