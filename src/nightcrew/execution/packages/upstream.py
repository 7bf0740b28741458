"""Requests to package indexes from the trusted process: GET only, and only to allowed addresses.

A page of an index may link to files on another host. That host's name is resolved once, and the connection
uses the resolved address. Loopback is refused, and so are private networks, unless the index itself is in
one. Connections are kept for further requests, because most of a small build's time is their TLS handshakes.
"""

import http.client
import ipaddress
import os
import socket
import ssl
import threading
import urllib.request
from base64 import b64encode
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.packages.sources import Index, origin_of

VARIABLES = ("SSL_CERT_FILE", "PIP_CERT")
"""Names of the variables that are read here, beside the proxies."""
_SECONDS = 60.0
_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)

type _Connections = deque[http.client.HTTPConnection]
type _Origin = tuple[str, str, int]
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reply:
    """An answer whose body is read in pieces; a context manager that closes it.

    If the body was read to its end, the connection goes to `free`, where the next request takes it from.
    """

    def __init__(self, connection: http.client.HTTPConnection, free: _Connections) -> None:
        self._connection, self._free = connection, free
        self._response = connection.getresponse()
        self.status = self._response.status

    def header(self, name: str) -> str:
        """A header's value, or an empty string."""
        return self._response.headers.get(name, "")

    def read(self, size: int) -> bytes:
        """At most `size` bytes; empty at the end.

        Raises:
            Transient: the connection broke.
        """
        try:
            return self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"the package index closed the connection: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        response = self._response
        if error is None and not response.will_close and (response.isclosed() or response.length == 0):
            response.close()
            self._free.append(self._connection)
        else:
            self._connection.close()


class Upstream(ExitStack):
    """Sends requests to indexes and the hosts that their pages link to. Thread-safe.

    A context manager, because it holds connections.
    """

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        super().__init__()
        self._env = env
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._proxies = urllib.request.getproxies_environment()
        self._addresses: dict[tuple[str, int], tuple[Address, ...]] = {}
        self._free: defaultdict[_Origin, _Connections] = defaultdict(deque)
        self.callback(self._close)

    def get(self, index: Index, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """The answer to a GET of `url`, which is on the index or linked from one of its pages.

        Raises:
            BadInput: an index must not link to this address.
            Transient: it cannot be reached.
        """
        for _ in range(_REDIRECTS):
            reply = self._ask(index, url, headers or {})
            if reply.status not in _MOVED:
                return reply
            with reply:
                url = urljoin(url, reply.header("location"))
        raise Transient(f"{index.url} redirects too many times")

    # -----------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        for connection in chain.from_iterable(self._free.values()):
            connection.close()

    @property
    def _tls(self) -> ssl.SSLContext:
        """Read once, at the first request: it takes 30 ms, and most builds find everything in the store."""
        with self._lock:
            self._context = self._context or _tls_context(self._env)
            return self._context

    def _ask(self, index: Index, url: str, headers: Mapping[str, str]) -> Reply:
        origin = origin_of(url)
        if index.origin[0] == "https" and origin[0] != "https":
            raise BadInput(f"{index.url} links to {origin[1]} without encryption")
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": "nightcrew", "Accept-Encoding": "identity", **headers}
        if index.authorization and origin == index.origin:
            sent["Authorization"] = index.authorization
        try:
            fresh = self._connect(index, *origin)  # checks the address, and connects at its first request
            if fresh.host != origin[1]:  # a proxy for plain http
                target = f"http://{origin[1]}:{origin[2]}{target}"
                sent["Host"] = f"{origin[1]}:{origin[2]}"
            return self._send(fresh, origin, target or "/", sent)
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"{origin[1]} cannot be reached: {error}") from None

    def _send(
        self, fresh: http.client.HTTPConnection, origin: _Origin, target: str, headers: Mapping[str, str]
    ) -> Reply:
        """The answer on a connection that is free, or on the fresh one."""
        free = self._free[origin]
        with suppress(IndexError, OSError, http.client.HTTPException):  # the server has closed it by now
            kept = free.pop()
            kept.request("GET", target, headers=headers)
            return Reply(kept, free)
        fresh.request("GET", target, headers=headers)
        return Reply(fresh, free)

    def _connect(self, index: Index, scheme: str, host: str, port: int) -> http.client.HTTPConnection:
        proxy = None if urllib.request.proxy_bypass(host) else self._proxies.get(scheme)
        if proxy is None:
            address = self._admitted(index, host, port)
            return _Pinned(host, port, address, self._tls if scheme == "https" else None)
        with suppress(ValueError):
            _check(index, host, (ipaddress.ip_address(host),), ())
        return _through(proxy, scheme, host, port, self._tls)

    def _admitted(self, index: Index, host: str, port: int) -> Address:
        """The address to connect to; the index's own host and port are always allowed."""
        found = self._resolve(host, port)
        if (host, port) != index.origin[1:]:
            _check(index, host, found, self._resolve(*index.origin[1:]))
        return found[0]

    def _resolve(self, host: str, port: int) -> tuple[Address, ...]:
        if (host, port) not in self._addresses:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
            self._addresses[host, port] = tuple(dict.fromkeys(addresses))
        return self._addresses[host, port]


# ---------------------------------------------------------------------------------------------------------


class _Pinned(http.client.HTTPConnection):
    """A connection to a resolved address, with the host's name for TLS."""

    def __init__(self, host: str, port: int, address: Address, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=_SECONDS)
        self.default_port = 443 if tls else 80
        self._address, self._tls = address, tls

    def connect(self) -> None:
        plain = socket.create_connection((str(self._address), self.port), _SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain


def _check(index: Index, host: str, found: tuple[Address, ...], own: tuple[Address, ...]) -> None:
    """Refuse addresses of this machine, and of private networks other than the index's."""
    inside = any(_is_private(address) for address in own)
    for address in found:
        plain = getattr(address, "ipv4_mapped", None) or address
        if not (plain.is_global or (inside and _is_private(plain))):
            raise BadInput(f"{index.url} links to {host}, an address that a package index must not link to")


def _is_private(address: Address) -> bool:
    never = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return address.is_private and not never


def _through(
    proxy: str, scheme: str, host: str, port: int, tls: ssl.SSLContext
) -> http.client.HTTPConnection:
    """A connection through the operator's proxy, which resolves names."""
    parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    headers = {}
    if parts.username:
        word = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(word.encode()).decode()}"
    if scheme == "http":
        return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_SECONDS)
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port or 80, timeout=_SECONDS, context=tls
    )
    connection.set_tunnel(host, port, headers)
    return connection


def _tls_context(env: Mapping[str, str]) -> ssl.SSLContext:
    """The machine's certificates, or the configured ones; certifi's if there are none."""
    named = env.get("SSL_CERT_FILE") or env.get("PIP_CERT")
    context = ssl.create_default_context(cafile=named if named and Path(named).is_file() else None)
    if (
        not context.cert_store_stats()["x509_ca"]
        and not Path(ssl.get_default_verify_paths().capath or "").is_dir()
    ):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
