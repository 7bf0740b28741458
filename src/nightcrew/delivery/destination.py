"""The source repository as the place to deliver to: its newest commits, our branches, and how to add one."""

import os
from collections.abc import Sequence
from pathlib import Path

from nightcrew.address import Protocol, folder_of, protocol_of
from nightcrew.delivery import local_repository
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.git import GitFailed, Remote, git, words_of_server
from nightcrew.execution.checkout.source import opened, shared_folder
from nightcrew.execution.checkout.workspace import Checkout, make_checkout, resolve_commit
from nightcrew.task import Task

_HISTORY = 300  # commits in which changes of files are counted
_LATEST = 40  # commits whose messages show the repository's conventions


class Destination:
    """A local repository, or one on a server, at the address of a task."""

    def __init__(self, repo: str, credentials: Credentials) -> None:
        self.repo = repo
        self._credentials = credentials
        self._is_local = protocol_of(repo) is Protocol.FILE
        self._remote = Remote(repo, protocol_of(repo), credentials.file_of(repo))

    @property
    def key(self) -> str:
        """One name for all addresses of the repository."""
        return str(shared_folder(self._folder)) if self._is_local else self.repo.removesuffix(".git")

    def checkout(self, task: Task, known: str, into: Path) -> Checkout:
        """A checkout of the newest commit of the task's base.

        If HEAD is meanwhile on a branch without the commit `known`, that commit stays the base.
        """
        return make_checkout(self.repo, self._newest(task, known), into, credentials=self._credentials)

    def _newest(self, task: Task, judged: str) -> str:
        newest = resolve_commit(self.repo, task.base, credentials=self._credentials)
        if task.base == "HEAD" and self._is_local and newest != judged:
            with opened(self._folder) as view:
                try:
                    git("merge-base", "--is-ancestor", judged, newest, git_dir=view)
                except GitFailed:
                    return judged
        return newest

    def references(self) -> dict[str, str]:
        """Our references there, with the commits that they point to."""
        if self._is_local:
            return local_repository.references(self._folder)
        names = ("refs/heads/nightcrew/*", "refs/nightcrew/*")
        try:
            listed = git("ls-remote", "--", self.repo, *names, remote=self._remote, seconds=60).decode()
        except GitFailed as error:
            raise BadInput(f"cannot read {self.repo}: {error}") from None
        return {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}

    def subjects(self, base: Checkout) -> Sequence[str]:
        """The subjects of the latest commits before `base`, which is included."""
        words = ("log", "--no-merges", f"--max-count={_LATEST}", "--format=%s", base.commit, "--")
        if self._is_local:
            with opened(self._folder) as view:
                return git(*words, git_dir=view).decode(errors="replace").splitlines()
        options = ("--quiet", f"--depth={_LATEST}", "--no-tags", "--no-write-fetch-head")
        git("fetch", *options, "--", self.repo, base.commit, git_dir=base.git_dir, remote=self._remote)
        return git(*words, git_dir=base.git_dir).decode(errors="replace").splitlines()

    def fetch(self, name: str, commit: str, git_dir: Path) -> None:
        """Fetch a commit, to which the reference `name` points, into our own git directory.

        Raises:
            BadInput: the repository cannot be read.
        """
        options = ("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head")
        try:
            if not self._is_local:
                git("fetch", *options, "--", self.repo, name, git_dir=git_dir, remote=self._remote)
                return
            with opened(self._folder) as view:
                place = Remote(os.fspath(view), Protocol.FILE)
                git("fetch", *options, "--", place.address, commit, git_dir=git_dir, remote=place)
        except GitFailed as error:
            raise BadInput(f"cannot read {name} of {self.repo}: {error}") from None

    def fetch_history(self, commit: str, git_dir: Path) -> None:
        """Fetch the latest commits before `commit` on a server, which is included; at most `_HISTORY`.

        Raises:
            GitFailed: the server does not give them.
        """
        options = ("--quiet", f"--depth={_HISTORY}", "--no-tags", "--no-write-fetch-head")
        git("fetch", *options, "--", self.repo, commit, git_dir=git_dir, remote=self._remote)

    def add(
        self,
        name: str,
        commit: str,
        *,
        git_dir: Path,
        known: str,
        before: str | None = None,
        options: Sequence[str] = (),
    ) -> str:
        """Add the reference `name` and its commit; `known` is a commit of its history that is there.

        Nothing happens if it points there already. A branch of ours that points to `before` is moved on.
        `options` are handed to a server with the push. Returns what the server says.

        Raises:
            BadInput: the reference points elsewhere, or the repository refuses it.
        """
        there = self.references().get(name)
        if there == commit:
            return ""
        if there not in {None, before} and name.startswith("refs/heads/"):
            branch = name.removeprefix("refs/heads/")
            raise BadInput(f"{self.repo} has a branch {branch} with other commits; it is left as it is")
        if self._is_local:
            local_repository.add_objects(self._folder, git_dir, commit, known)
            local_repository.add_reference(self._folder, name, commit, expected=there)
            return ""
        lease = f"--force-with-lease={name}:{there or ''}"
        given = [f"--push-option={option}" for option in options]
        words = ("push", "--quiet", lease, *given, "--", self.repo, f"{commit}:{name}")
        try:
            return words_of_server(*words, git_dir=git_dir, remote=self._remote)
        except GitFailed as error:
            raise BadInput(f"{self.repo} does not take {name}: {error}") from None

    @property
    def _folder(self) -> Path:
        return folder_of(self.repo).resolve()
