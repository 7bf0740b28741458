"""A git clone of a project with its whole history: its steps, its trees, and changes to them."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_STEPS = 4000
_OLDEST = "2017-01-01"
_FIELD, _END, _START = "\x1f", "\x1e", "\x1d"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the main line: a commit, or a merge as a whole. `files` is (path, added, deleted)."""

    commit: str
    parent: str
    subject: str
    body: str
    files: tuple[tuple[str, int, int], ...]
    binary: bool


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone, bare or not; `name` is `owner/name` where the folder is called `owner+name`."""

    name: str
    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "Clone":
        """The clone in a folder."""
        return cls(folder.name.removesuffix(".git").replace("+", "/", 1), folder.resolve())

    def has(self, commit: str) -> bool:
        """True where the clone has the commit."""
        done = _run(self.folder, "cat-file", "-e", f"{commit}^{{commit}}", check=False)
        return done.returncode == 0

    def is_whole(self, commit: str) -> bool:
        """True where the clone has every file of a commit: snapshots may lack some."""
        return _run(self.folder, "archive", "--format=tar", commit, check=False).returncode == 0

    def steps(self, tip: str = "", most: int = MOST_STEPS) -> Iterator[Step]:
        """The main line from `tip` (empty: its newest commit) backwards."""
        shape = f"--format={_START}%H{_FIELD}%P{_FIELD}%s{_FIELD}%b{_END}"
        words = ["log", "--first-parent", "-m", "--no-renames", "--numstat", f"--since={_OLDEST}"]
        # A clone may lack old large files: git's output up to the first missing one is enough.
        done = _run(self.folder, *words, f"-n{most}", shape, tip or self._tip(), check=False)
        for block in done.stdout.decode("utf-8", "surrogateescape").split(_START)[1:]:
            head, _, stat = block.partition(_END)
            commit, parents, subject, body = head.split(_FIELD, 3)
            rows = [line.split("\t", 2) for line in stat.splitlines() if line.count("\t") >= 2]
            files = tuple((path, int(added), int(gone)) for added, gone, path in rows if added != "-")
            if subject.startswith("Merge ") and body.strip():
                subject, _, body = body.strip().partition("\n")
            if parents:
                yield Step(commit, parents.split()[0], subject, body, files, len(files) < len(rows))

    def step(self, commit: str) -> Step:
        """One commit."""
        return next(self.steps(commit, 1))

    def _tip(self) -> str:
        """HEAD; where HEAD names a missing branch, the branch with the newest commit."""
        if self.has("HEAD"):
            return "HEAD"
        refs = _text(
            self.folder, "for-each-ref", "--sort=-committerdate", "--format=%(objectname)", "--count=1"
        )
        return refs.strip()

    def text(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None where it is missing or not a plain file."""
        listed = _text(self.folder, "ls-tree", "-z", commit, "--", path)
        if not listed.startswith("100"):
            return None
        return _text(self.folder, "show", f"{commit}:{path}")

    def paths(self, commit: str) -> tuple[str, ...]:
        """Every plain file at a commit."""
        listed = _text(self.folder, "ls-tree", "-r", "-z", commit).split("\0")
        return tuple(line.split("\t", 1)[1] for line in listed if line.startswith("100"))

    def change(self, commit: str, paths: tuple[str, ...]) -> dict[str, str | None]:
        """These files' texts after a commit, None for a file that it deletes."""
        return {path: self.text(commit, path) for path in paths}

    def check_out(self, commit: str, into: Path) -> None:
        """Checks out a commit into a folder, made where it is missing, and keeps ignored files there."""
        if not (into / ".git").exists():
            into.parent.mkdir(parents=True, exist_ok=True)
            _run(into.parent, "clone", "-q", "--shared", "--no-checkout", str(self.folder), into.name)
        _run(into, "checkout", "-q", "--force", "--detach", commit)
        _run(into, "clean", "-fdq")

    def patch(self, parent: str, change: Mapping[str, str | None], tree: Path) -> str:
        """The change as a git diff against `parent`; `tree` is a folder to work in."""
        self.check_out(parent, tree)
        write(tree, change)
        _run(tree, "add", "-A", "--force", "--", *change)
        shape = ("--cached", "--no-renames", "--no-ext-diff", "--text", "--full-index")
        diff = _text(tree, "diff", *shape, "HEAD")
        _run(tree, "reset", "-q", "--hard")
        return diff


def write(tree: Path, change: Mapping[str, str | None]) -> None:
    """Writes these texts to files of a tree."""
    for path, text in change.items():
        place = tree / path
        if text is None:
            place.unlink(missing_ok=True)
            continue
        is_new = not place.exists()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
        if is_new and path.endswith(".sh"):
            place.chmod(0o755)


# ---------------------------------------------------------------------------------------------------------


def _text(folder: Path, *words: str) -> str:
    return _run(folder, *words).stdout.decode("utf-8", "surrogateescape")


def _run(folder: Path, *words: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
    settings = ("safe.directory=*", "core.hooksPath=/dev/null", "core.autocrlf=false", "gc.auto=0",
                "core.quotePath=false", "advice.detachedHead=false")  # fmt: skip
    options = [word for one in settings for word in ("-c", one)]
    return subprocess.run(["git", *options, *words], cwd=folder, check=check, capture_output=True)
