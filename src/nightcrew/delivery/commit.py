"""A change as a commit in our own git directory, with the very texts that were judged.

The patch is read by the parser that the gates use and by no other program, so that what is delivered cannot
differ from what was judged.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nightcrew.execution.checkout.git import git
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.validation.change.change import Change, FileDiff, Hunk, PatchRefused, apply_patch
from nightcrew.validation.change.parser import parse_patch
from nightcrew.validation.running.clean_room import read_base, write_change

COMMITTER = ("Nightcrew", "nightcrew@localhost")


@dataclass(frozen=True, slots=True)
class Words:
    """What a commit says beside its content; the same words on the same parent are the same commit."""

    author: str  # `Name <address>`
    message: str
    made_at: datetime


def changes_on(base: Checkout, patch: str) -> Sequence[Change]:
    """The files that `patch` changes on another commit than its own.

    Raises:
        PatchRefused: it does not fit there; the message says where.
    """
    return apply_patch(parse_patch(patch), lambda path: read_base(base.path, path))


def is_contained(base: Checkout, patch: str) -> bool:
    """True if a commit has everything already that `patch` adds, for example because it was merged."""
    files = parse_patch(patch)
    if not any(Counter(hunk.after) - Counter(hunk.before) for file in files for hunk in file.hunks):
        return not _fits(base, files)  # without what it takes away, it fits no more
    return _fits(base, tuple(_reversed(file) for file in files))


def commit_on(base: Checkout, changes: Sequence[Change], words: Words, parents: Sequence[str] = ()) -> str:
    """Make a commit of `base` with `changes`, and `base` as its parent unless others are given; its id."""
    above = [word for parent in parents or (base.commit,) for word in ("-p", parent)]
    index = {"GIT_INDEX_FILE": os.fspath(base.git_dir / "index.delivery")}
    git("read-tree", base.commit, git_dir=base.git_dir, env=index)
    gone_first = sorted(changes, key=lambda change: change.after is not None)
    lines = b"".join(_entry(base, change) for change in gone_first)
    git("update-index", "-z", "--add", "--index-info", git_dir=base.git_dir, stdin=lines, env=index)
    tree = git("write-tree", git_dir=base.git_dir, env=index).decode().strip()
    made = git(
        *("commit-tree", tree, *above),
        git_dir=base.git_dir,
        stdin=words.message.encode("utf-8", "replace"),
        env=_people(words),
    )
    return made.decode().strip()


def advanced(base: Checkout, changes: Sequence[Change], commit: str) -> Checkout:
    """`base` after `changes` were made in its tree; `commit` is the commit of them."""
    for change in changes:
        write_change(base.path, change)
    return replace(base, commit=commit)


# ---------------------------------------------------------------------------------------------------------


def _fits(base: Checkout, files: tuple[FileDiff, ...]) -> bool:
    try:
        apply_patch(files, lambda path: read_base(base.path, path))
    except PatchRefused:
        return False
    return True


def _reversed(file: FileDiff) -> FileDiff:
    hunks = tuple(Hunk(hunk.start, hunk.after, hunk.before) for hunk in file.hunks)
    return FileDiff(file.new_path, file.old_path, hunks, file.executable)


def _entry(base: Checkout, change: Change) -> bytes:
    """The index's entry for a changed file, whose content is stored; a removed one has mode 0."""
    name = change.path.encode("utf-8", "surrogateescape")
    if change.after is None:
        return b"0 %s\t%s\0" % (b"0" * len(base.commit), name)
    content = change.after.encode("utf-8", "surrogateescape")
    blob = git("hash-object", "-w", "--stdin", git_dir=base.git_dir, stdin=content).strip()
    place = base.path / change.path
    executable = change.executable or (place.is_file() and bool(place.stat().st_mode & 0o100))
    return b"%s %s\t%s\0" % (b"100755" if executable else b"100644", blob, name)


def _people(words: Words) -> dict[str, str]:
    name, _, address = words.author.removesuffix(">").partition(" <")
    when = f"@{int(words.made_at.timestamp())} +0000"
    committer, committer_address = COMMITTER
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": committer,
        "GIT_COMMITTER_EMAIL": committer_address,
        "GIT_COMMITTER_DATE": when,
    }
