"""Reads the package indexes from the operator's configuration of uv or pip, never from a repository's.

uv's configuration has priority, then pip's, then uv's default index.
"""

import base64
import configparser
import netrc
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from nightcrew.errors import BadInput
from nightcrew.execution.packages.uv_tool import uv_output

VARIABLES = (
    *("UV_INDEX", "UV_INDEX_*", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("UV_CONFIG_FILE", "UV_NO_CONFIG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "NETRC"),
)
"""Names, and patterns of names, of the variables that are read here."""
_SCHEMES = ("http", "https")
_DEFAULT = re.compile(r"by\s+default:\s+<(https://[^>\s]+)>")


@dataclass(frozen=True, slots=True)
class Index:
    """A package index. `url` has no credentials; `authorization` is the header's value for its host."""

    url: str
    authorization: str | None = field(default=None, repr=False)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return origin_of(self.url)


@dataclass(frozen=True, slots=True)
class Sources:
    """Indexes in their order of use, the default one last, and folders of wheels."""

    indexes: tuple[Index, ...]
    find_links: tuple[Path, ...] = ()
    strategy: str | None = None  # uv's `index-strategy`


def read_sources(env: Mapping[str, str] = os.environ) -> Sources:
    """The sources of packages in the operator's configuration, i.e. of the process's user.

    Raises:
        BadInput: a configuration file or an address in it cannot be read.
    """
    return _of_uv(env) or _of_pip(env) or Sources((_index(default_index(), env),))


@cache
def default_index() -> str:
    """The default index of uv, from its own output.

    Raises:
        BadInput: uv does not report it.
    """
    found = _DEFAULT.search(uv_output("pip", "install", "--help"))
    if found is None:
        raise BadInput("uv does not report its default package index: set UV_DEFAULT_INDEX")
    return found[1]


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL.

    Raises:
        BadInput: it is not an http or https address.
    """
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in _SCHEMES and parts.hostname:
            return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    raise BadInput(f"{_without_credentials(url)} is not an http or https address of a package index")


# ---------------------------------------------------------------------------------------------------------


@dataclass
class _Configuration:
    """uv's settings from variables and files, by descending priority."""

    indexes: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    default: str | None = None
    find_links: list[str] = field(default_factory=list)
    strategy: str | None = None
    no_index: bool = False

    def take_variables(self, env: Mapping[str, str]) -> None:
        for word in env.get("UV_INDEX", "").split():
            named = re.match(r"([A-Za-z0-9._-]+)=", word)
            url = word[named.end() :] if named else word
            self.indexes.append(url)
            self.names[url] = named[1] if named else ""
        self.indexes += env.get("UV_EXTRA_INDEX_URL", "").split()
        self.default = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL")
        self.find_links = [word for word in env.get("UV_FIND_LINKS", "").split(",") if word]
        self.strategy = env.get("UV_INDEX_STRATEGY")
        self.no_index = bool(env.get("UV_NO_INDEX"))

    def take_file(self, table: Mapping[str, Any]) -> None:
        entries = table.get("index")
        for entry in entries if isinstance(entries, list) else ():
            url = str(_table(entry).get("url", ""))
            self.names.setdefault(url, str(_table(entry).get("name", "")))
            if _table(entry).get("default"):
                self.default = self.default or url
            elif not _table(entry).get("explicit"):
                self.indexes.append(url)
        for part in (_table(table.get("pip")), table):
            self.indexes += _words(part.get("extra-index-url"))
            self.default = self.default or next(iter(_words(part.get("index-url"))), None)
            self.find_links += _words(part.get("find-links"))
            self.strategy = self.strategy or next(iter(_words(part.get("index-strategy"))), None)
            self.no_index = self.no_index or part.get("no-index") is True


def _of_uv(env: Mapping[str, str]) -> Sources | None:
    configuration = _Configuration()
    configuration.take_variables(env)
    for table in _uv_tables(env):
        configuration.take_file(table)
    if not (
        configuration.indexes or configuration.default or configuration.find_links or configuration.no_index
    ):
        return None
    urls = (
        [] if configuration.no_index else [*configuration.indexes, configuration.default or default_index()]
    )
    indexes = [_index(url, env, configuration.names.get(url, "")) for url in dict.fromkeys(urls)]
    return Sources(tuple(indexes), tuple(_folders(configuration.find_links)), configuration.strategy)


def _uv_tables(env: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """uv's configuration files, by descending priority."""
    if env.get("UV_NO_CONFIG"):
        return
    named = env.get("UV_CONFIG_FILE")
    system = [
        Path(folder, "uv", "uv.toml")
        for folder in env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        if folder
    ]
    files = (
        [Path(named)] if named else [_config_home(env) / "uv" / "uv.toml", *system, Path("/etc/uv/uv.toml")]
    )
    for file in files:
        try:
            if file.is_file():
                yield tomllib.loads(file.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(f"cannot read uv's configuration {file}: {error}") from None


def _of_pip(env: Mapping[str, str]) -> Sources | None:
    default, named = env.get("PIP_INDEX_URL"), env.get("PIP_EXTRA_INDEX_URL", "").split()
    for section in _pip_sections(env):
        default = default or section.get("index-url")
        named += section.get("extra-index-url", "").split()
    # pip also accepts folders as indexes, which need no mirror.
    named = [url for url in named if not url.startswith("file:")]
    if not (default or named):
        return None
    urls = dict.fromkeys([*named, default or default_index()])
    return Sources(tuple(_index(url, env) for url in urls))


def _pip_sections(env: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The sections of pip's configuration files that affect installing, by descending priority."""
    named = env.get("PIP_CONFIG_FILE")
    system = [
        Path(folder, "pip", "pip.conf")
        for folder in env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        if folder
    ]
    files = [
        _config_home(env) / "pip" / "pip.conf",
        _home(env) / ".pip" / "pip.conf",
        Path("/etc/pip.conf"),
        *system,
    ]
    for file in [] if named == os.devnull else [*([Path(named)] if named else []), *files]:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(file.read_text() if file.is_file() else "")
        except (configparser.Error, OSError, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read pip's configuration {file}: {error}") from None
        for name in ("install", "global"):
            if parser.has_section(name):
                yield dict(parser.items(name))


def _index(url: str, env: Mapping[str, str], name: str = "") -> Index:
    host = origin_of(url)[1]
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if name:
        variable = f"UV_INDEX_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}"
        user = env.get(f"{variable}_USERNAME", user)
        password = env.get(f"{variable}_PASSWORD", password)
    if not (user or password):
        user, password = _netrc(host, env)
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Index(_without_credentials(url).rstrip("/"), f"Basic {word}" if user or password else None)


def _netrc(host: str, env: Mapping[str, str]) -> tuple[str, str]:
    file = Path(env.get("NETRC") or _home(env) / ".netrc")
    with suppress(OSError, netrc.NetrcParseError, UnicodeDecodeError):
        found = netrc.netrc(str(file)).authenticators(host)
        if found is not None:
            return found[0], found[2] or ""
    return "", ""


def _without_credentials(url: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return "an address"


def _folders(links: Sequence[str]) -> Iterator[Path]:
    for link in links:
        folder = Path(link.removeprefix("file://")).expanduser()
        if folder.is_dir():
            yield folder.resolve()


def _home(env: Mapping[str, str]) -> Path:
    return Path(env.get("HOME") or Path.home())


def _config_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("XDG_CONFIG_HOME") or _home(env) / ".config")


def _table(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _words(found: object) -> list[str]:
    several = found if isinstance(found, list) else [found]
    return [word for word in several if isinstance(word, str)]
