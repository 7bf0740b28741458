"""A package index on loopback, real HTTP: what it serves is given, what it was asked is kept."""

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class LocalIndex:
    """Serves `files`: project by project, file name to content. `links` puts other addresses on the pages."""

    files: Mapping[str, Mapping[str, bytes]]
    links: Mapping[str, str] = field(default_factory=dict)
    hashes: bool = True
    html: bool = False
    password: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization header of every request."""
    hangs_up: bool = False
    """Closes every connection after one answer, without saying so."""
    connections: int = 0

    def __enter__(self) -> Self:
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                index.connections += 1
                super().setup()

            def do_GET(self) -> None:
                index.asked.append((self.path, self.headers.get("authorization", "")))
                status, kind, body = index.answer(self.path, self.headers.get("authorization", ""))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = self.close_connection or index.hangs_up

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/simple"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        """Status, type and body."""
        if self.password and not authorization:
            return 401, "text/plain", b""
        parts = path.strip("/").split("/")
        if parts[0] == "simple" and parts[-1] in self.files:
            return 200, *self._page(parts[-1])
        found = self.files.get(parts[1], {}).get(parts[-1]) if len(parts) == 3 else None
        return (200, "application/octet-stream", found) if found is not None else (404, "text/plain", b"")

    def _page(self, project: str) -> tuple[str, bytes]:
        entries = []
        for name, content in self.files[project].items():
            digest = hashlib.sha256(content).hexdigest()
            url = self.links.get(name, f"../../files/{project}/{name}")
            entries.append((name, url, digest if self.hashes else ""))
        if self.html:
            anchors = (f'<a href="{url}#sha256={digest}">{name}</a>' for name, url, digest in entries)
            return "text/html", f"<html><body>{' '.join(anchors)}</body></html>".encode()
        files = [
            {"filename": name, "url": url, "hashes": {"sha256": digest} if digest else {}}
            for name, url, digest in entries
        ]
        return "application/vnd.pypi.simple.v1+json", json.dumps({"name": project, "files": files}).encode()


def wheel(name: str, version: str, modules: Mapping[str, str]) -> tuple[str, bytes]:
    """A wheel's file name and content."""
    info, buffer = f"{name}-{version}.dist-info", io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in modules.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def sdist(name: str, version: str, backend: str) -> tuple[str, bytes]:
    """A source archive whose build backend is the given module."""
    buffer = io.BytesIO()
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        files = {"pyproject.toml": pyproject, "backend.py": backend, "PKG-INFO": metadata}
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", buffer.getvalue()
