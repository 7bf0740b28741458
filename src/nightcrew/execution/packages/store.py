"""A cache of pages and files from package indexes for all builds, which only the trusted process fills.

A build reads it through the mirror and cannot change it. Files are stored under their SHA-256, after it was
checked; pages are stored per index, for as long as HTTP considers them fresh.
"""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.packages.pages import ACCEPT, JSON_TYPE, read_page, write_page
from nightcrew.execution.packages.sources import Index
from nightcrew.execution.packages.upstream import Reply, Upstream

log = logging.getLogger(__name__)

FRESH_SECONDS = 600
"""How long a page is reused without a request, as public indexes declare it."""
PAGE_BYTES = 64 * 1024 * 1024
KEPT_BYTES = 20 * 1024**3
FILE_BYTES = 8 * 1024**3
CHUNK = 256 * 1024


class NotThere(Exception):
    """The index has no such page or file."""


@dataclass(frozen=True, slots=True)
class Link:
    """The real URL of a page's file, and its hash on the page."""

    url: str
    sha256: str | None


class PackageStore:
    """Pages and files of package indexes in `folder`. Safe for several processes at once."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self._folder, self._upstream = folder, upstream
        self._links: dict[Path, Mapping[str, Link]] = {}
        for name in ("pages", "files"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def page(self, index: Index, project: str) -> bytes:
        """The page of a project, with links to the mirror.

        Raises:
            NotThere: the index does not have the project.
            BadInput: the answer is not an index page.
            Transient: the index cannot be reached, and the page is not cached.
        """
        page = self._page_path(index, project)
        with suppress(OSError):
            if time.time() - page.stat().st_mtime < FRESH_SECONDS:
                return page.read_bytes()
        try:
            return self._fetch_page(index, project, page)
        except Transient as fault:
            with suppress(OSError):
                log.info("the cached page of %s is used: %s", project, fault)
                return page.read_bytes()
            raise

    def kept(self, sha256: str, suffix: str = "") -> Path | None:
        """The cached file with that hash, or None."""
        path = self._folder / "files" / sha256[:2] / f"{sha256}{suffix}"
        with suppress(OSError):
            os.utime(path)
            return path
        return None

    def link(self, index: Index, project: str, filename: str) -> Link:
        """The link to the file on the project's page.

        Raises:
            NotThere: the page does not link to such a file.
        """
        path = self._links_path(self._page_path(index, project))
        if path not in self._links:
            try:
                links = json.loads(path.read_bytes())["files"]
            except (OSError, ValueError):
                raise NotThere(filename) from None
            self._links[path] = {name: Link(*link) for name, link in links.items()}
        if filename not in self._links[path]:
            raise NotThere(filename)
        return self._links[path][filename]

    def fetch(self, index: Index, link: Link, suffix: str = "") -> Iterator[bytes]:
        """The content of a linked file in pieces; cached once it is complete and has the right hash.

        The last piece is held back until then, so that no client gets a complete file with a wrong hash. A
        `suffix` selects the file's metadata, which has no hash of its own.

        Raises:
            NotThere: the index does not have it.
            BadInput: its content does not have the hash, or it is too large.
            Transient: it cannot be reached.
        """
        with self._upstream.get(index, link.url + suffix) as reply:
            _check(reply, link.url + suffix)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete_on_close=False) as file:
                digest, size, held = hashlib.sha256(), 0, b""
                while chunk := reply.read(CHUNK):
                    yield held
                    held, size = chunk, size + len(chunk)
                    digest.update(chunk)
                    file.write(chunk)
                    if size > FILE_BYTES:
                        raise BadInput(f"{link.url} is larger than {FILE_BYTES} bytes")
                if link.sha256 and not suffix and digest.hexdigest() != link.sha256:
                    raise BadInput(f"{link.url} does not have the hash that its index says")
                if link.sha256:
                    file.close()
                    _keep(
                        Path(file.name), self._folder / "files" / link.sha256[:2] / f"{link.sha256}{suffix}"
                    )
                yield held

    def prune(self, limit: int = KEPT_BYTES) -> None:
        """Remove the least recently used files, until the rest has at most `limit` bytes."""
        found = []
        for path in (self._folder / "files").glob("*/*"):
            with suppress(OSError):
                found.append((path.stat().st_mtime, path.stat().st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found) if total > limit else ():
            path.unlink(missing_ok=True)
            total -= size
            if total <= limit:
                return

    # -----------------------------------------------------------------------------------------------------

    def _page_path(self, index: Index, project: str) -> Path:
        who = hashlib.sha256(f"{index.url} {index.authorization}".encode()).hexdigest()[:16]
        return self._folder / "pages" / who / f"{project}.json"

    @staticmethod
    def _links_path(page: Path) -> Path:
        return page.with_suffix(".links")

    def _fetch_page(self, index: Index, project: str, page: Path) -> bytes:
        links = self._links_path(page)
        known = {}
        with suppress(OSError, ValueError):
            tag = json.loads(links.read_bytes())["etag"]
            known = {"If-None-Match": tag} if tag and page.is_file() else {}
        url = f"{index.url}/{project}/"
        with self._upstream.get(index, url, {"Accept": ACCEPT, **known}) as reply:
            if reply.status == 304:
                os.utime(page)
                return page.read_bytes()
            _check(reply, url)
            files = read_page(_body(reply, url), reply.header("content-type") or JSON_TYPE, url)
            index_page = {
                "etag": reply.header("etag"),
                "files": {file.filename: [file.url, file.sha256] for file in files},
            }
        written = write_page(project, files)
        self._links.pop(links, None)
        for path, content in ((links, json.dumps(index_page).encode()), (page, written)):
            with tempfile.NamedTemporaryFile(dir=self._folder, delete_on_close=False) as file:
                file.write(content)
                file.close()
                _keep(Path(file.name), path)
        return written


# ---------------------------------------------------------------------------------------------------------


def _check(reply: Reply, url: str) -> None:
    if reply.status in (403, 404, 410):
        raise NotThere(url)
    if reply.status == 401:
        raise BadInput(f"{url} requires credentials: put them into the index's URL, or into ~/.netrc")
    if reply.status != 200:
        raise Transient(f"{url} answered with the status {reply.status}")


def _body(reply: Reply, url: str) -> bytes:
    body = bytearray()
    while chunk := reply.read(CHUNK):
        body += chunk
        if len(body) > PAGE_BYTES:
            raise BadInput(f"{url} is larger than {PAGE_BYTES} bytes")
    return bytes(body)


def _keep(path: Path, name: Path) -> None:
    name.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.replace(name)
