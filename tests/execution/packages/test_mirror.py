"""What a build may ask of the operator's indexes, over real HTTP on a UNIX socket."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nightcrew.execution.packages.mirror import PackageMirror, serve
from nightcrew.execution.packages.pages import JSON_TYPE
from nightcrew.execution.packages.sources import Index, Sources, read_sources
from nightcrew.execution.packages.store import PackageStore
from nightcrew.execution.packages.upstream import Upstream
from tests.execution.packages.index_server import LocalIndex, wheel

type Ask = Callable[..., tuple[int, bytes]]

NAME, CONTENT = wheel("shop", "1.0", {"shop.py": "x = 1\n"})


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[Callable[[LocalIndex], tuple[PackageMirror, Ask]]]:
    """A mirror of an index, and a way to ask it."""
    with ExitStack() as stack:

        def mirror_of(index: LocalIndex) -> tuple[PackageMirror, Ask]:
            stack.enter_context(index)
            upstream = stack.enter_context(Upstream())
            mirror = PackageMirror(Sources((Index(index.url),)), PackageStore(tmp_path / "store", upstream))
            path = stack.enter_context(serve(mirror))

            def ask(place: str, accept: str = JSON_TYPE) -> tuple[int, bytes]:
                connection = http.client.HTTPConnection("mirror", timeout=10)
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.connect(str(path))
                connection.request("GET", place, headers={"Accept": accept})
                try:
                    answer = connection.getresponse()
                    return answer.status, answer.read()
                except http.client.HTTPException as error:
                    return 0, str(error).encode()
                finally:
                    connection.close()

            return mirror, ask

        yield mirror_of


@pytest.mark.parametrize("html", [False, True], ids=["an index that speaks JSON", "one that speaks HTML"])
def test_pages_and_their_files_are_given_out_and_kept(
    mirrored: Callable[[LocalIndex], tuple[PackageMirror, Ask]], html: bool
) -> None:
    index = LocalIndex({"shop": {NAME: CONTENT}}, html=html)
    _, ask = mirrored(index)
    status, page = ask("/0/simple/shop/")
    (entry,) = json.loads(page)["files"]
    assert (status, entry["filename"]) == (200, NAME)
    place = f"/0/{entry['url'].removeprefix('../../')}"
    assert ask(place) == (200, CONTENT)
    asked = len(index.asked)
    assert (ask("/0/simple/shop/"), ask(place)) == ((200, page), (200, CONTENT))
    assert len(index.asked) == asked
    assert NAME.encode() in ask("/0/simple/shop/", "text/html")[1]
    assert ask("/0/simple/nobody/")[0] == 404


@pytest.mark.parametrize("hangs_up", [False, True], ids=["kept", "closed by the index meanwhile"])
def test_a_connection_to_the_index_is_used_again(
    mirrored: Callable[[LocalIndex], tuple[PackageMirror, Ask]], hangs_up: bool
) -> None:
    several = {name: {NAME: CONTENT} for name in ("shop", "cart", "till")}
    index = LocalIndex(several, hangs_up=hangs_up)
    _, ask = mirrored(index)
    assert [ask(f"/0/simple/{name}/")[0] for name in several] == [200] * 3
    assert index.connections == (3 if hangs_up else 1)


def test_a_file_that_is_not_what_its_page_says_is_never_whole_and_never_kept(
    mirrored: Callable[[LocalIndex], tuple[PackageMirror, Ask]],
) -> None:
    index = LocalIndex({"shop": {NAME: CONTENT}})
    mirror, ask = mirrored(index)
    (entry,) = json.loads(ask("/0/simple/shop/")[1])["files"]
    index.files = {"shop": {NAME: CONTENT + b"changed"}}
    for _ in range(2):
        status, body = ask(f"/0/{entry['url'].removeprefix('../../')}")
        assert not (status == 200 and body.startswith(CONTENT)), "the whole file came"
    assert "hash" in mirror.refused[0]


@pytest.mark.parametrize(
    "place", ["/0/files/shop/-/other.whl", "/1/simple/shop/", "/0/simple/Shop/", "/0/simple/shop/../../etc",
              "/", "/0/simple/", "http://127.0.0.1/0/simple/shop/", f"/0/files/shop/{'0' * 64}/{NAME}",
              "/0/simple/shop/?x=1", "/0/files/shop/-/..%2fshop.whl"],
)  # fmt: skip
def test_nothing_else_can_be_asked_for(
    mirrored: Callable[[LocalIndex], tuple[PackageMirror, Ask]], place: str
) -> None:
    index = LocalIndex({"shop": {NAME: CONTENT}})
    _, ask = mirrored(index)
    ask("/0/simple/shop/")
    asked = len(index.asked)
    assert ask(place)[0] == 404
    assert len(index.asked) == asked


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:1/shop.whl", "http://[::1]/shop.whl", "http://localhost:1/shop.whl",
             "http://169.254.169.254/latest", "http://0.0.0.0:1/x.whl", "http://10.0.0.1/shop.whl",
             "http://[::ffff:127.0.0.1]:1/x.whl", "file:///etc/passwd", "ftp://example.org/shop.whl"],
)  # fmt: skip
def test_an_index_cannot_send_us_to_this_machine_or_its_network(
    mirrored: Callable[[LocalIndex], tuple[PackageMirror, Ask]], link: str
) -> None:
    """The test's index is on loopback itself, which the operator chose: that host and port, no other."""
    mirror, ask = mirrored(LocalIndex({"shop": {NAME: CONTENT}}, links={NAME: link}))
    (entry,) = json.loads(ask("/0/simple/shop/")[1])["files"]
    assert ask(f"/0/{entry['url'].removeprefix('../../')}")[0] == 403
    assert mirror.refused


def test_an_index_that_cannot_be_reached_is_distinguished_from_one_that_has_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    mirror = PackageMirror(
        Sources((Index(f"http://127.0.0.1:{port}/simple"),)), PackageStore(tmp_path, Upstream())
    )
    with serve(mirror) as path, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /0/simple/shop/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 503 " in client.recv(100)
    assert mirror.unreachable


CONFIGURED = [
    ({"UV_DEFAULT_INDEX": "https://a.example/simple/"}, ["https://a.example/simple"]),
    ({"UV_INDEX_URL": "https://a.example/simple"}, ["https://a.example/simple"]),
    ({"UV_INDEX": "own=https://b.example/x", "UV_DEFAULT_INDEX": "https://a.example/simple"},
     ["https://b.example/x", "https://a.example/simple"]),
    ({"PIP_INDEX_URL": "https://p.example/simple"}, ["https://p.example/simple"]),
    ({"PIP_INDEX_URL": "https://p.example/simple", "UV_DEFAULT_INDEX": "https://a.example/simple"},
     ["https://a.example/simple"]),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "urls"), CONFIGURED, ids=range(len(CONFIGURED)))
def test_the_operators_variables_name_the_indexes(
    variables: dict[str, str], urls: list[str], tmp_path: Path
) -> None:
    found = read_sources({"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path), **variables})
    assert [index.url for index in found.indexes] == urls


def test_the_operators_files_name_them_too_and_credentials_stay_out_of_the_address(tmp_path: Path) -> None:
    config = tmp_path / ".config"
    (config / "uv").mkdir(parents=True)
    (config / "pip").mkdir()
    (config / "pip" / "pip.conf").write_text("[global]\nindex-url = https://me:secret@p.example/simple\n")
    env = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path)}
    (index,) = read_sources(env).indexes
    assert (index.url, index.authorization) == ("https://p.example/simple", "Basic bWU6c2VjcmV0")
    assert "secret" not in repr(index)
    (config / "uv" / "uv.toml").write_text(
        '[[index]]\nname = "in-house"\nurl = "https://a.example/simple"\ndefault = true\n'
        '[[index]]\nname = "torch"\nurl = "https://t.example/simple"\nexplicit = true\n'
    )
    env |= {"UV_INDEX_IN_HOUSE_USERNAME": "me", "UV_INDEX_IN_HOUSE_PASSWORD": "secret"}
    (index,) = read_sources(env).indexes
    assert (index.url, index.authorization) == ("https://a.example/simple", "Basic bWU6c2VjcmV0")
    (config / "uv" / "uv.toml").unlink()
    (config / "pip" / "pip.conf").unlink()
    (index,) = read_sources(env).indexes
    assert index.url.startswith("https://")
    (tmp_path / ".netrc").write_text("machine a.example login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    (index,) = read_sources({**env, "UV_DEFAULT_INDEX": "https://a.example/s"}).indexes
    assert index.authorization == "Basic bWU6c2VjcmV0"
