"""Places that several hosts share, for tests: a folder, and an S3 server (moto's) with an empty bucket."""

import atexit
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from nightcrew.crew.processes import free_port

KINDS = ("file", "s3")


@contextmanager
def shared_url(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty place of this kind; the environment says how it is reached, also to processes."""
    if kind == "file":
        yield f"file://{folder}/shared"
        return
    if find_spec("moto") is None or find_spec("s3fs") is None:
        pytest.skip("moto and s3fs are not installed")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # of one with another address
    (credentials := folder / "aws-credentials").write_text(
        "[default]\naws_access_key_id = test\naws_secret_access_key = test\n"
    )
    bucket = f"crew-{uuid.uuid4().hex[:8]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", address := _s3_server())
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        _make_bucket(f"{address}/{bucket}")
        yield f"s3://{bucket}/crew"


@cache
def _s3_server() -> str:
    """The address of moto's server, which ends with this process."""
    address = f"http://127.0.0.1:{(port := free_port(0))}"
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(server.kill)
    return address


def _make_bucket(address: str) -> None:
    request = urllib.request.Request(address, method="PUT")
    for _ in range(600):
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError("moto's server does not answer")
