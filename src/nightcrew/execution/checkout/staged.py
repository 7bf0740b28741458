"""What is staged in a person's repository, as a patch: read with our own git directory and configuration."""

import os
from pathlib import Path, PurePath

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.execution.checkout.source import opened, own_file

_SHAPE = ("-p", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index")


def staged_change(repo: Path, commit: str) -> bytes:
    """The difference between `commit` and the index, without binary files; empty if there is none.

    A hook of `git commit -a` finds another index in GIT_INDEX_FILE, as git itself does.

    Raises:
        BadInput: the index cannot be read.
    """
    content = own_file(repo, PurePath(os.environ.get("GIT_INDEX_FILE") or "index").name)
    if content is None:
        return b""
    with opened(repo) as view:
        (view / "staged").write_bytes(content)
        index = {"GIT_INDEX_FILE": os.fspath(view / "staged"), "GIT_LITERAL_PATHSPECS": "1"}
        words = ("diff-index", "--cached", "--no-renames", commit)
        try:
            counted = git(*words, "--numstat", "-z", git_dir=view, env=index).split(b"\0")
            names = [line.split(b"\t", 2)[2] for line in counted if line and not line.startswith(b"-\t")]
            if not names:
                return b""
            shown = map(os.fsdecode, names)
            return git(*words[:2], *_SHAPE, commit, "--", *shown, git_dir=view, env=index)
        except GitFailed as error:
            raise BadInput(f"what is staged in {repo} cannot be read: {error}") from None
