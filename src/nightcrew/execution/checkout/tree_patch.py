"""The difference between a commit and an untrusted tree, computed without git reading the tree.

Files are found, read and hashed here. Git gets their contents and a list of names, and compares two trees in
its own object store. So no attribute, filter, hook, nested repository, named pipe or link in the tree can
make git do or read anything. Git only evaluates the ignore rules, once for each level of folders.
"""

import errno
import hashlib
import os
import stat
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from nightcrew.errors import Rejected
from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.execution.confinement.confinement import MIB

CHANGE_BYTES = 32 * MIB
"""The total size limit of new and changed files, in bytes."""
ENTRIES = 200_000
"""The most files and folders that a tree may have."""
TREE_BYTES = 4096 * MIB
"""The total size limit of a commit's files, in bytes."""

_FILE, _PROGRAM, _LINK, _NESTED = "100644", "100755", "120000", "160000"


class Entry(NamedTuple):
    """The entry of a commit or tree under one name."""

    mode: str
    sha: str


def diff_of_tree(tree: Path, git_dir: Path, commit: str) -> str:
    """A unified git diff from `commit` to the content of the folder `tree`.

    Raises:
        Rejected: there are too many files, or they are too large.
    """
    base = _entries_of(commit, git_dir)
    try:
        found = _TreeReader(tree, git_dir, base, commit).entries()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise Rejected("the workspace has folders nested too deep to be read") from None
        raise
    if found == base:
        return ""
    index = {"GIT_INDEX_FILE": os.fspath(git_dir / "index.change")}
    (git_dir / "index.change").unlink(missing_ok=True)
    lines = b"".join(
        b"%s %s\t%s\0" % (mode.encode(), sha.encode(), name) for name, (mode, sha) in found.items()
    )
    try:
        git("update-index", "-z", "--add", "--index-info", git_dir=git_dir, stdin=lines, env=index)
        # Nested repositories are entries without an object.
        changed = git("write-tree", "--missing-ok", git_dir=git_dir, env=index).decode().strip()
    except GitFailed as error:
        raise Rejected(f"the change has names that git does not allow: {error}") from None
    names = [name for name in base.keys() | found.keys() if base.get(name) != found.get(name)]
    return _diff(git_dir, commit, changed, names)


# ---------------------------------------------------------------------------------------------------------


def _entries_of(commit: str, git_dir: Path) -> dict[bytes, Entry]:
    found = {}
    for line in git("ls-tree", "-r", "-z", "--full-tree", commit, git_dir=git_dir).split(b"\0"):
        if line:
            facts, name = line.split(b"\t", 1)
            mode, _, sha = facts.decode().split()
            found[name] = Entry(mode, sha)
    return found


class _TreeReader:
    """Reads the tree, level by level."""

    def __init__(self, tree: Path, git_dir: Path, base: Mapping[bytes, Entry], commit: str) -> None:
        self._tree, self._git_dir, self._base = tree, git_dir, base
        self._root = os.fsencode(tree)
        self._known_folders = _folders_above(base)
        self._algorithm = hashlib.sha256 if len(commit) == 64 else hashlib.sha1
        self._new_bytes = self._seen = 0

    def entries(self) -> dict[bytes, Entry]:
        found: dict[bytes, Entry] = {}
        level = [b""]
        while level:
            deeper: list[bytes] = []
            for name, status in self._kept([item for folder in level for item in self._list(folder)]):
                if not stat.S_ISDIR(status.st_mode):
                    found[name] = self._entry(name, status)
                elif self._is_submodule(name) and not self._is_nested(name):
                    found[name] = self._base[name]
                elif self._is_nested(name):
                    found[name] = Entry(_NESTED, self._hash(b"commit", name))
                else:
                    deeper.append(name)
            level = deeper
        # A submodule's folder may be missing from the tree, as in git.
        missing = {
            name: entry for name, entry in self._base.items() if entry.mode == _NESTED and name not in found
        }
        taken = _folders_above(found)
        files = sorted(file + b"/" for file in _folders_above(missing) & found.keys())
        return found | {
            name: entry for name, entry in missing.items() if name not in taken and not _is_below(name, files)
        }

    def _list(self, folder: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
        path = os.path.join(self._root, folder)  # noqa: PTH118 - bytes
        with suppress(OSError):  # an agent may have taken the permissions away
            os.chmod(path, 0o700)  # noqa: PTH101
        with os.scandir(path) as items:
            for item in items:
                self._seen += 1
                if self._seen > ENTRIES:
                    raise Rejected(f"the workspace has more than {ENTRIES} files")
                if item.name.lower() == b".git":  # git refuses the name in any case
                    continue
                status = item.stat(follow_symlinks=False)
                if (
                    stat.S_ISREG(status.st_mode)
                    or stat.S_ISLNK(status.st_mode)
                    or stat.S_ISDIR(status.st_mode)
                ):
                    yield (os.path.join(folder, item.name), status)  # noqa: PTH118
                else:
                    # Not part of a change; and a pipe named .gitignore would hang git.
                    os.unlink(item.path)  # noqa: PTH108

    def _kept(self, level: Sequence[tuple[bytes, os.stat_result]]) -> Iterator[tuple[bytes, os.stat_result]]:
        """The entries without new, ignored ones."""
        new = [name for name, _ in level if name not in self._base and name not in self._known_folders]
        ignored: set[bytes] = set()
        if new:
            ignored = self._ignored(b"\0".join(new))
        return (item for item in level if item[0] not in ignored)

    def _ignored(self, names: bytes) -> set[bytes]:
        words = ("check-ignore", "--no-index", "-z", "--stdin")
        try:
            answer = git(*words, git_dir=self._git_dir, tree=self._tree, stdin=names, seconds=60)
        except GitFailed as error:
            if error.code != 1:  # 1: nothing is ignored
                raise
            return set()
        return set(answer.split(b"\0"))

    def _entry(self, name: bytes, status: os.stat_result) -> Entry:
        path = os.path.join(self._root, name)  # noqa: PTH118
        if stat.S_ISLNK(status.st_mode):
            return self._stored(_LINK, os.readlink(path), name)  # noqa: PTH115
        if status.st_size > CHANGE_BYTES and name not in self._base:
            raise Rejected(f"{os.fsdecode(name)} has {status.st_size} bytes: the change is too large")
        mode = _PROGRAM if status.st_mode & 0o100 else _FILE
        return self._stored(mode, _read(path), name)

    def _stored(self, mode: str, content: bytes, name: bytes) -> Entry:
        entry = Entry(mode, self._hash(b"blob", content))
        old = self._base.get(name)
        if old is None or old.sha != entry.sha:
            self._new_bytes += len(content)
            if self._new_bytes > CHANGE_BYTES:
                raise Rejected(
                    f"new and changed files have more than {CHANGE_BYTES // MIB} MiB: the change is too large"
                )
            self._store(entry.sha, content)
        return entry

    def _store(self, sha: str, content: bytes) -> None:
        """Store the file's content in git's object store, as a loose object."""
        path = self._git_dir / "objects" / sha[:2] / sha[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            # The fastest level: it is read once, and deleted with the checkout.
            path.write_bytes(zlib.compress(b"blob %d\0%s" % (len(content), content), 1))

    def _hash(self, kind: bytes, content: bytes) -> str:
        whole = b"%s %d\0%s" % (kind, len(content), content)
        return self._algorithm(whole, usedforsecurity=False).hexdigest()

    def _is_submodule(self, name: bytes) -> bool:
        """True if the base has a submodule there; it is never checked out, so its folder is ignored."""
        return name in self._base and self._base[name].mode == _NESTED

    def _is_nested(self, folder: bytes) -> bool:
        with suppress(OSError), os.scandir(os.path.join(self._root, folder)) as items:  # noqa: PTH118
            return any(item.name.lower() == b".git" for item in items)
        return False


def _folders_above(names: Iterable[bytes]) -> set[bytes]:
    """All folders that these names are in, each visited once."""
    found: set[bytes] = set()
    for name in names:
        while (name := name.rpartition(b"/")[0]) and name not in found:
            found.add(name)
    return found


def _is_below(name: bytes, files: Sequence[bytes]) -> bool:
    """True if one of `files` is where a folder of `name` would be. They end with a slash, in order.

    No file is below another one, so that only the last one before `name` can be above it.
    """
    at = bisect_right(files, name)
    return at > 0 and name.startswith(files[at - 1])


def _read(path: bytes) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except PermissionError:
        os.chmod(path, 0o600)  # noqa: PTH101 - a regular file, in a tree where nothing runs any more
        descriptor = os.open(path, flags)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        return file.read()


def _diff(git_dir: Path, commit: str, changed: str, names: Sequence[bytes]) -> str:
    words = (
        "diff-tree",
        "-r",
        "-p",
        "--binary",
        "--full-index",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
    )
    shape = ("--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "-U3")

    def diff(*paths: bytes) -> bytes:
        literal = {"GIT_LITERAL_PATHSPECS": "1"}
        chosen = map(os.fsdecode, paths)
        return git(*words, *shape, commit, changed, "--", *chosen, git_dir=git_dir, env=literal)

    with suppress(UnicodeDecodeError):
        return diff().decode()
    # Text in another encoding cannot be in a str, but a binary patch is plain ASCII.
    parts = []
    for name in sorted(names):
        part = diff(name)
        with suppress(UnicodeDecodeError):
            parts.append(part.decode())
            continue
        with _all_binary(git_dir):
            parts.append(diff(name).decode())
    return "".join(parts)


@contextmanager
def _all_binary(git_dir: Path) -> Iterator[None]:
    """In this block, git treats every file as binary."""
    attributes = git_dir / "info" / "attributes"
    before = attributes.read_text()
    attributes.write_text(f"{before}* -diff\n")
    try:
        yield
    finally:
        attributes.write_text(before)
