"""uv on the host, asked about itself and the machine's Pythons; it is shown no file of a repository."""

from pathlib import Path

import uv

from nightcrew import host

VARIABLES = ("UV_CACHE_DIR", "UV_PYTHON_*", "UV_NO_CONFIG", "UV_OFFLINE", "UV_NATIVE_TLS")
"""The operator's choices that count where uv is asked about Pythons."""
_SECONDS = 600.0  # it may have to fetch a Python


def uv_program() -> Path:
    """The uv that Nightcrew brings."""
    return Path(uv.find_uv_bin()).resolve()


def uv_says(*words: str) -> str:
    """What uv prints, empty where it fails. It has the operator's configuration, and no key of ours."""
    env = host.environment(*VARIABLES, "XDG_*", *host.NETWORK)
    done = host.run([uv_program(), *words], env=env, seconds=_SECONDS)
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
