"""The Python of an environment: ours, unless the repository requires another version."""

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
from nightcrew.execution.packages.uv_tool import uv_output

_NEUTRAL = ("--no-project", "--no-config")
_NEVER = ("never", "manual")


def find_python(wanted: str) -> Path:
    """The real program of a Python that matches `wanted`; uv downloads one if the operator allows it.

    Raises:
        BadInput: `wanted` is not a version specifier, or no such Python is available.
    """
    try:
        specifier = SpecifierSet(wanted)
    except InvalidSpecifier:
        raise BadInput(f"pyproject.toml: requires-python is not a version specifier: {wanted!r}") from None
    if specifier.contains(platform.python_version(), prereleases=True):
        return base_python()
    find = ("python", "find", *_NEUTRAL, "--system", str(specifier))
    found = uv_output(*find)
    if not found and os.environ.get("UV_PYTHON_DOWNLOADS") not in _NEVER:
        uv_output("python", "install", "--no-config", str(specifier))
        found = uv_output(*find)
    if found:
        return Path(found).resolve()
    raise BadInput(
        f"there is no Python {wanted} on this machine, which the repository's requires-python asks for"
    )


def interpreter_cache(python: Path, folder: Path) -> Path:
    """A uv cache that only has its information about `python`; created once in `folder`.

    It saves every build the start of that interpreter.
    """
    deciding = f"{python} {version('uv')} {platform.release()}"
    cache = folder / "uv" / hashlib.sha256(deciding.encode()).hexdigest()[:16]
    if not cache.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=cache.parent) as scratch:
            made = Path(scratch) / "cache"
            uv_output("python", "find", *_NEUTRAL, "--cache-dir", str(made), str(python))
            with suppress(OSError):  # another process was faster
                made.rename(cache)
    return cache
