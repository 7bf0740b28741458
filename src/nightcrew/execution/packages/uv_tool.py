"""uv on the host, for questions about itself and the machine's Pythons, without access to a repository."""

from pathlib import Path

import uv

from nightcrew import host

VARIABLES = ("UV_CACHE_DIR", "UV_PYTHON_*", "UV_NO_CONFIG", "UV_OFFLINE", "UV_NATIVE_TLS")
"""The operator's choices that count where uv is asked about Pythons."""
_SECONDS = 600.0  # it may have to download a Python


def uv_program() -> Path:
    """The path of Nightcrew's own uv."""
    return Path(uv.find_uv_bin()).resolve()


def uv_output(*words: str) -> str:
    """The output of uv; empty if it fails. It gets the operator's configuration, and no key of ours."""
    env = host.environment(*VARIABLES, "XDG_*", *host.NETWORK)
    done = host.run([uv_program(), *words], env=env, seconds=_SECONDS)
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
