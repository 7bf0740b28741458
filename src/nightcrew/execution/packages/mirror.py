"""Serves the operator's package indexes to one build: HTTP on a unix socket, GET only.

A build can request a project's page and the files that the page links to, and no other URL. Its requests are
limited, and recorded so that the verdict can tell what was built from source.
"""

import logging
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from itertools import chain
from pathlib import Path
from typing import Any

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.packages.pages import FILE_NAME, HTML_TYPE, JSON_TYPE, NAME, SHA256, as_html
from nightcrew.execution.packages.sources import Index, Sources
from nightcrew.execution.packages.store import CHUNK, NotThere, PackageStore

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
MAX_REQUESTS = 20_000
MAX_BYTES = 16 * 1024**3
"""The limits of one build."""
_IDLE_SECONDS = 120.0
_ROUTE = re.compile(
    rf"/(?P<index>\d{{1,2}})/(?:simple/(?P<project>{NAME})/?"
    rf"|files/(?P<owner>{NAME})/(?P<sha256>{SHA256}|-)/(?P<file>{FILE_NAME}))"
)
_SOURCE = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_METADATA = ".metadata"


class PackageMirror:
    """The indexes that one build can use, and what it has used.

    `source_archives` are the files that were built; `unreachable` and `refused` tell why files are missing.
    """

    def __init__(self, sources: Sources, store: PackageStore) -> None:
        self.indexes = sources.indexes
        self.store = store
        self.source_archives: set[str] = set()
        self.unreachable: list[str] = []
        self.refused: list[str] = []
        self._lock = threading.Lock()
        self._requests = self._bytes = 0

    def take(self, count: int = 0) -> None:
        """Count a request, or the bytes of its answer.

        Raises:
            BadInput: the build exceeds its limits.
        """
        with self._lock:
            self._requests += not count
            self._bytes += count
            if self._requests > MAX_REQUESTS or self._bytes > MAX_BYTES:
                raise BadInput("the build requests more from the package index than any environment needs")

    def page(self, index: Index, project: str) -> bytes:
        """A project's page; raises like the store."""
        return self.store.page(index, project)

    def file(self, index: Index, project: str, sha256: str, name: str) -> Iterator[bytes]:
        """A file that the project's page links to, in pieces; raises like the store."""
        base = name.removesuffix(_METADATA)
        suffix = name.removeprefix(base)
        if base.endswith(_SOURCE):
            self.source_archives.add(base)
        kept = self.store.kept(sha256, suffix)
        if kept is not None:
            with kept.open("rb") as file:
                yield from iter(lambda: file.read(CHUNK), b"")
            return
        link = self.store.link(index, project, base)
        if (link.sha256 or "-") != sha256:
            raise NotThere(name)
        yield from self.store.fetch(index, link, suffix)


@contextmanager
def serve(mirror: PackageMirror) -> Iterator[Path]:
    """Serve on a unix socket until the context is left."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("packages"))
        server = stack.enter_context(_Server(folder / "packages.sock", mirror))
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="packages", daemon=True
        ).start()
        stack.callback(server.shutdown)
        yield folder / "packages.sock"


# ---------------------------------------------------------------------------------------------------------


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server with one thread per connection, up to more than any installer needs."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, path: Path, mirror: PackageMirror) -> None:
        self.mirror = mirror
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(str(path), _Handler)
        path.chmod(0o600)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a connection of the build broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nightcrew"
    sys_version = ""
    timeout = _IDLE_SECONDS
    server: _Server

    def address_string(self) -> str:
        return "build"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        mirror = self.server.mirror
        try:
            mirror.take()
            self._answer(mirror)
        except NotThere:
            self._refuse(404, "the package index does not have it")
        except BadInput as error:
            mirror.refused.append(str(error))
            self._refuse(403, str(error))
        except Transient as error:
            mirror.unreachable.append(str(error))
            self._refuse(503, "the package index cannot be reached")

    def do_HEAD(self) -> None:
        """Refuse the request that installers send before a range request, as only whole files are served."""
        self._refuse(405, "")

    # -----------------------------------------------------------------------------------------------------

    def _answer(self, mirror: PackageMirror) -> None:
        found = _ROUTE.fullmatch(self.path)
        if found is None or int(found["index"]) >= len(mirror.indexes):
            raise NotThere(self.path)
        index = mirror.indexes[int(found["index"])]
        if found["project"]:
            page, kind = mirror.page(index, found["project"]), JSON_TYPE
            accepted = self.headers.get("accept", "")
            if JSON_TYPE not in accepted and "*/*" not in accepted.split(",")[0]:
                page, kind = as_html(page), HTML_TYPE
            mirror.take(len(page))
            self._begin(kind, len(page))
            self.wfile.write(page)
        else:
            self._send_file(mirror, mirror.file(index, found["owner"], found["sha256"], found["file"]))

    def _send_file(self, mirror: PackageMirror, pieces: Iterator[bytes]) -> None:
        """Send in chunks, because the length is unknown, and a failed download must not look complete."""
        first = next(pieces, b"")
        self._begin("application/octet-stream", None)
        try:
            for piece in chain((first,), pieces):
                if piece:
                    mirror.take(len(piece))
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        except (BadInput, Transient, NotThere) as error:
            (mirror.unreachable if isinstance(error, Transient) else mirror.refused).append(str(error))
            self.close_connection = True

    def _begin(self, kind: str, length: int | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _refuse(self, status: int, why: str) -> None:
        body = why.encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
