"""The Python that an environment is made with: ours, unless the repository asks for another version."""

import hashlib
import os
import platform
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from nightcrew.errors import BadInput
from nightcrew.execution.confinement.interpreter import base_python
from nightcrew.execution.packages.uv_tool import uv_says

_NEUTRAL = ("--no-project", "--no-config")
_NEVER = ("never", "manual")


def find_python(wanted: str) -> Path:
    """The real program of a Python that fits `wanted`; uv fetches one where the operator lets it.

    Raises:
        BadInput: `wanted` is no version specifier, or no such Python is there.
    """
    try:
        specifier = SpecifierSet(wanted)
    except InvalidSpecifier:
        raise BadInput(f"pyproject.toml: requires-python is no version specifier: {wanted!r}") from None
    if specifier.contains(platform.python_version(), prereleases=True):
        return base_python()
    find = ("python", "find", *_NEUTRAL, "--system", str(specifier))
    found = uv_says(*find)
    if not found and os.environ.get("UV_PYTHON_DOWNLOADS") not in _NEVER:
        uv_says("python", "install", "--no-config", str(specifier))
        found = uv_says(*find)
    if found:
        return Path(found).resolve()
    raise BadInput(
        f"there is no Python {wanted} on this machine, which the repository's requires-python asks for"
    )


def interpreter_cache(python: Path, folder: Path) -> Path:
    """A cache of uv that holds what it found out about `python` and nothing else; made once in `folder`.

    It saves every build the start of that interpreter.
    """
    deciding = f"{python} {version('uv')} {platform.release()}"
    cache = folder / "uv" / hashlib.sha256(deciding.encode()).hexdigest()[:16]
    if not cache.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=cache.parent) as scratch:
            made = Path(scratch) / "cache"
            uv_says("python", "find", *_NEUTRAL, "--cache-dir", str(made), str(python))
            with suppress(OSError):  # where another process was faster
                made.rename(cache)
    return cache
