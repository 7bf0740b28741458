"""Base's test run, kept between attempts: the same tree under the same conditions has the same result.

An entry's key is a hash of everything that decides its content (the tree's content, the environment, the job
with its options and limits, the rig's own source), so no entry ever needs to be invalidated. An entry that
cannot be read counts as absent.
"""

import gzip
import hashlib
import io
import json
import logging
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from nightcrew.validation import rig
from nightcrew.validation.rig.protocol import Job, document
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.run_results import SessionResult, documents, read_sessions, session_result
from nightcrew.validation.running.runs import part_of_the_runner, run_job

log = logging.getLogger(__name__)

MOST_ENTRIES = 300


def run_base(room: CleanRoom, job: Job, cache: Path) -> SessionResult:
    """The result of a job of one session on base, from the folder `cache` where it is there."""
    own = part_of_the_runner(room, None)
    if own:
        return SessionResult(problem=own)
    key = _key(room, job)
    known = _read(cache / key, key)
    if known is not None:
        log.debug("base run %s is known", key)
        return session_result(known)
    completed = run_job(room, room.base, job)
    (result,) = read_sessions(completed, 1)
    if not result.problem and all(run.done for run in result.runs.values()):
        _write(cache, key, documents(completed)[0])
    return result


# ---------------------------------------------------------------------------------------------------------


def _key(room: CleanRoom, job: Job) -> str:
    shown = [mount for mount in room.mounts(room.base) if mount not in room.environment.mounts]
    seen = [Path(rig.__file__).parent, room.base, *(mount.source for mount in shown)]
    deciding = [document(job), room.environment.key, room.sandbox.name, [tree_hash(tree) for tree in seen]]
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:40]


def tree_hash(tree: Path) -> str:
    """Hash of every file's path, kind and content below a folder; without git's and compiled files."""
    found = hashlib.sha256()
    for folder, folders, files in tree.walk():
        folders[:] = sorted(name for name in folders if name not in {".git", "__pycache__"})
        links = [name for name in folders if (folder / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = folder / name
            mode = path.lstat().st_mode
            is_link = stat.S_ISLNK(mode)
            kind = "link" if is_link else "program" if mode & 0o100 else "file"
            with io.BytesIO(os.fsencode(path.readlink())) if is_link else path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            record = [path.relative_to(tree).as_posix(), kind, digest]
            found.update(json.dumps(record).encode() + b"\n")
    return found.hexdigest()


def _read(path: Path, key: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(gzip.decompress(path.read_bytes()))
        if entry["key"] != key:
            return None
        session: dict[str, Any] = entry["session"]
        session_result(session)
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("the kept base run %s cannot be read and is made anew: %s", path, error)
        return None
    with suppress(OSError):
        path.touch()
    return session


def _write(cache: Path, key: str, session: Mapping[str, Any]) -> None:
    """Writes the entry atomically, so that another process can write the same one."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = mkstemp(dir=cache, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(json.dumps({"key": key, "session": session}).encode(), mtime=0))
        Path(name).replace(cache / key)
    except OSError as error:
        log.warning("base's run cannot be kept: %s", error)
        with suppress(OSError):
            Path(name).unlink()
    _prune(cache)


def _prune(cache: Path) -> None:
    """Deletes the least recently used entries first."""
    with suppress(OSError):
        kept = sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[MOST_ENTRIES:]:
            path.unlink()
