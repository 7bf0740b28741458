"""An index's page of one project: parsed, and written with links to the mirror."""

import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from nightcrew.errors import BadInput

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html"
ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
NAME = r"[a-z0-9](?:[a-z0-9-]{0,126}[a-z0-9])?"
"""A project's normalized name."""
FILE_NAME = r"[A-Za-z0-9_][A-Za-z0-9._+!-]{0,250}"
SHA256 = r"[0-9a-f]{64}"


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file that a page links to; `about` has its other fields, as in the JSON format."""

    filename: str
    url: str
    sha256: str | None
    about: Mapping[str, Any]


def read_page(body: bytes, content_type: str, url: str) -> tuple[PackageFile, ...]:
    """The files of a page from `url`, without those for other platforms.

    Raises:
        BadInput: it is not a page of a package index.
    """
    try:
        found = _of_json(body) if "json" in content_type else _of_html(body.decode(errors="replace"))
        return tuple(_files(found, url))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{url} is not a page of a package index: {error}") from None


def write_page(project: str, files: Iterable[PackageFile]) -> bytes:
    """The page in JSON format. Its links contain the file's name and hash, and stay in the mirror."""
    entries = [
        {
            **entry.about,
            "filename": entry.filename,
            "url": f"../../files/{project}/{entry.sha256 or '-'}/{entry.filename}",
        }
        for entry in files
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": entries}).encode()


def as_html(page: bytes) -> bytes:
    """A page in HTML, for clients that do not accept JSON."""
    lines = ["<!DOCTYPE html>"]
    for entry in json.loads(page)["files"]:
        sha256 = entry["hashes"].get("sha256")
        words = [f'href="{escape(entry["url"])}{f"#sha256={sha256}" if sha256 else ""}"']
        if entry.get("requires-python"):
            words.append(f'data-requires-python="{escape(entry["requires-python"])}"')
        if entry.get("yanked"):
            words.append(f'data-yanked="{escape(str(entry["yanked"]))}"')
        lines.append(f"<a {' '.join(words)}>{escape(entry['filename'])}</a><br>")
    return "\n".join(lines).encode()


# ---------------------------------------------------------------------------------------------------------

_KEPT = ("requires-python", "core-metadata", "yanked", "upload-time", "size")
_FILE_NAME, _SHA256 = re.compile(FILE_NAME), re.compile(SHA256)
_PLAIN = re.compile(r"https?://[^/]")
_MACHINE = platform.machine()


def _files(found: Iterable[Mapping[str, Any]], url: str) -> Iterable[PackageFile]:
    for entry in found:
        filename = str(entry["filename"])
        # The cheap question first: large pages consist of other systems' wheels.
        if not _is_for_us(filename) or not _FILE_NAME.fullmatch(filename):
            continue
        sha256 = str(entry.get("hashes", {}).get("sha256", "")).lower()
        known = sha256 if _SHA256.fullmatch(sha256) else None
        about = {name: entry[name] for name in _KEPT if entry.get(name) is not None}
        about["hashes"] = {"sha256": known} if known else {}
        yield PackageFile(filename, _absolute(url, str(entry["url"])), known, about)


def _absolute(page: str, link: str) -> str:
    """Where a link leads, without its fragment; most are absolute, have none and stay as they are."""
    return link if _PLAIN.match(link) and "#" not in link else urldefrag(urljoin(page, link))[0]


def _is_for_us(filename: str) -> bool:
    """False for wheels of other platforms, which are most of a large page."""
    if not filename.endswith(".whl") or not sys.platform.startswith("linux"):
        return True
    if "any" not in filename and "linux" not in filename:
        return False
    platforms = filename.removesuffix(".whl").rpartition("-")[2].split(".")
    return any(entry == "any" or ("linux" in entry and entry.endswith(_MACHINE)) for entry in platforms)


def _of_json(body: bytes) -> Iterable[Mapping[str, Any]]:
    entries: list[Mapping[str, Any]] = json.loads(body)["files"]
    return entries


def _of_html(text: str) -> Iterable[Mapping[str, Any]]:
    reader = _Anchors()
    reader.feed(text)
    return reader.found


class _Anchors(HTMLParser):
    """Collects the anchors of an HTML page as entries of the JSON format."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Mapping[str, Any]] = []
        self._base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "base":
            self._base = given.get("href", "")
        if tag != "a" or "href" not in given:
            return
        url, fragment = urldefrag(urljoin(self._base, given["href"]))
        kind, _, digest = fragment.partition("=")
        metadata = given.get("data-core-metadata") or given.get("data-dist-info-metadata")
        self.found.append(
            {
                "filename": unquote(urlsplit(url).path.rpartition("/")[2]),
                "url": url,
                "hashes": {kind: digest} if digest else {},
                "requires-python": given.get("data-requires-python"),
                "yanked": given["data-yanked"] or True if "data-yanked" in given else None,
                "core-metadata": _metadata(metadata) if metadata else None,
            }
        )


def _metadata(value: str) -> bool | dict[str, str]:
    kind, _, digest = value.partition("=")
    return {kind: digest} if digest else value.lower() == "true"
