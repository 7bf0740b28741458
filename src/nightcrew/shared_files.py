"""The files that a crew's hosts share, under one URL: results, evidence, journals and the ledger's parts.

`file:///…` is a folder that every host mounts, `s3://…` an object store; fsspec knows more. A host works on
its own disk and sends whole files: an object store cannot append, and a host that is cut off must go on.
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from nightcrew.errors import BadInput, StoreDown
from nightcrew.settings import Settings

RESULTS = "results"
LISTING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A shared file: its size in bytes, and when it was sent (seconds since 1970)."""

    size: int
    sent_at: float


class SharedFiles:
    """The files below a URL, by names such as `results/t-1/verdict.json`; each is seen whole or not at all.

    Raises:
        BadInput: no library for this kind of URL is installed.
        StoreDown: by all methods, if the place cannot be reached; nothing is lost, try again.
    """

    def __init__(self, url: str) -> None:
        import fsspec  # most commands need none of it
        from fsspec.implementations.local import LocalFileSystem

        kind = urlsplit(url).scheme
        if not kind or (kind == "file" and urlsplit(url).netloc):
            raise BadInput("NIGHTCREW_STORE_URL must be a URL such as file:///srv/crew or s3://bucket/crew")
        try:
            self._files, self._root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise BadInput(
                f"{kind}:// needs a library, such as pip install 'nightcrew[s3]': {error}"
            ) from None
        self.is_folder = isinstance(self._files, LocalFileSystem)
        self.url = url.rstrip("/")
        self._listing: Any = None

    def for_duckdb(self) -> Any:
        """An fsspec file system that lists a folder once a minute, not for each query; now it knows none."""
        import fsspec

        if self._listing is None:
            options = {"use_listings_cache": True, "listings_expiry_time": LISTING_SECONDS}
            self._listing, _ = fsspec.url_to_fs(self.url, skip_instance_cache=True, **options)
        self._listing.invalidate_cache()
        return self._listing

    def place(self, name: str) -> str:
        """The path (of a folder) or URL of a file, as DuckDB reads it."""
        path = f"{self._root}/{name}"
        return path if self.is_folder else self._files.unstrip_protocol(path)

    def send(self, file: Path, name: str) -> None:
        """Send a file, and give the one here the time of the shared one, by which `fetch_folder` goes."""
        with self._reached():
            place = f"{self._root}/{name}"
            if self.is_folder:
                draft = PurePosixPath(place).with_name(f".tmp-{uuid.uuid4().hex}")
                self._files.makedirs(str(draft.parent), exist_ok=True)
                shutil.copyfile(file, draft)
                Path(draft).replace(place)
            else:
                self._files.put_file(str(file), place)
        self._adopt_time(file, name)

    def send_folder(self, folder: Path, name: str) -> None:
        """Send all files of a folder."""
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                self.send(file, f"{name}/{file.relative_to(folder).as_posix()}")

    def fetch(self, name: str, file: Path) -> None:
        """Write a shared file to `file`, at once; the file stays as it is if the shared one has gone."""
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".tmp-{uuid.uuid4().hex}")
        try:
            with self._reached(), suppress(FileNotFoundError):
                self._files.get_file(f"{self._root}/{name}", str(draft))
                self._adopt_time(draft, name)
                draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)

    def fetch_folder(self, name: str, folder: Path) -> None:
        """Fetch the files of a shared folder that this host lacks or has in another version."""
        for below, stored in self.list(name).items():
            if not _is_same(file := folder / below, stored):
                self.fetch(f"{name}/{below}", file)

    def list(self, name: str) -> Mapping[str, Stored]:
        """The files of a shared folder and of its folders, by their names below it."""
        with self._reached():
            start = f"{self._root}/{name}".rstrip("/")
            found = self._files.find(start, detail=True)
            return {
                path.removeprefix(start).lstrip("/"): _stored(details)
                for path, details in found.items()
                if not path.rpartition("/")[2].startswith(".tmp-")
            }

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        with self._reached(), suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{name}")
        if self._listing is not None:
            self._listing.invalidate_cache()

    # --- private ------------------------------------------------------------------------------------------

    def _adopt_time(self, file: Path, name: str) -> None:
        with self._reached():
            sent_at = _stored(self._files.info(f"{self._root}/{name}")).sent_at
        os.utime(file, (sent_at, sent_at))

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each file system has errors of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StoreDown(f"the shared files in {self.url} cannot be reached: {reason}") from error


def shared_files(settings: Settings) -> SharedFiles | None:
    """What this crew's hosts share; None if its files are in its home only.

    Raises:
        BadInput: see `SharedFiles`.
    """
    return SharedFiles(settings.store_url) if settings.store_url else None


def read_place(place: str) -> bytes:
    """The content of the file at a path or URL.

    Raises:
        OSError: it cannot be read.
    """
    if "://" not in place:
        return Path(place).read_bytes()
    import fsspec

    with fsspec.open(place) as file:
        content: bytes = file.read()
    return content


# ---------------------------------------------------------------------------------------------------------


def _stored(details: Mapping[str, Any]) -> Stored:
    when = details.get("LastModified") or details.get("mtime") or details.get("created") or 0.0
    if isinstance(when, datetime):
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return Stored(int(details.get("size") or 0), float(when))


def _is_same(file: Path, stored: Stored) -> bool:
    try:
        status = file.stat()
    except FileNotFoundError:
        return False
    return status.st_size == stored.size and abs(status.st_mtime - stored.sent_at) < 1e-5
