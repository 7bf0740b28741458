"""A secret in one of its many writings, or in a place where others read, is found by nobody."""

import base64
import html
import json
import os
import stat
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from nightcrew.crew.environment import (
    crew_environment,
    guard_environment,
    server_environment,
    worker_environment,
)
from nightcrew.crew.storage.database import Database
from nightcrew.errors import NightcrewError
from nightcrew.secrets.account import Account, account_file, keep_account
from nightcrew.secrets.files import close_to_others, open_home
from nightcrew.secrets.known_secrets import KnownSecrets
from nightcrew.settings import load_settings
from tests.attacks.rows import Findings, Row

pytestmark = pytest.mark.attack(Row.SECRETS)

KEY = "sk-or-v1-canary/0123+456789=abcdef"

# A provider, a tool or a repository says it again ----------------------------------------------------------

RAW = KEY.encode()
OUTER: dict[str, Callable[[bytes], str]] = {
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 for addresses": lambda raw: base64.urlsafe_b64encode(raw).decode(),
    "base32": lambda raw: base64.b32encode(raw).decode(),
    "hexadecimal": lambda raw: raw.hex(),
    "hexadecimal in capitals": lambda raw: raw.hex().upper(),
}
WRITINGS: dict[str, str] = {
    "as it is": KEY,
    "in a sentence": f"the key {KEY}, is wrong",
    "in JSON's escapes": "".join(f"\\u{byte:04x}" for byte in RAW),
    "in JSON within JSON": json.dumps(json.dumps("".join(f"\\u{byte:04x}" for byte in RAW))),
    "in JavaScript's escapes": "".join(f"\\u{{{byte:x}}}" for byte in RAW),
    "in Python's escapes": "".join(f"\\x{byte:02x}" for byte in RAW),
    "in octal escapes": "".join(f"\\{byte:03o}" for byte in RAW),
    "in percents": "".join(f"%{byte:02X}" for byte in RAW),
    "in percents of percents": urllib.parse.quote("".join(f"%{byte:02x}" for byte in RAW)),
    "in an address": urllib.parse.quote(KEY, safe=""),
    "in entities": "".join(f"&#{byte};" for byte in RAW),
    "in entities of sixteen": "".join(f"&#x{byte:X};" for byte in RAW),
    "in entities within entities": html.escape("".join(f"&#{byte};" for byte in RAW)),
    "in hexadecimal": RAW.hex(),
    "in capitals of hexadecimal": RAW.hex().upper(),
    "in a dump": RAW.hex(" "),
    "in a fingerprint": RAW.hex(":"),
    "in base64": base64.b64encode(RAW).decode(),
    "in base64 for addresses": base64.urlsafe_b64encode(RAW).decode(),
    "in base64 behind a name": base64.b64encode(b"user:" + RAW).decode(),
    "in base64 behind another": base64.b64encode(b"x" + RAW + b"yz").decode(),
    "in a mail's lines": base64.encodebytes(RAW * 3).decode(),
    **{
        f"{outer} of {inner}": f"x{OUTER[outer](OUTER[inner](b'id:' + RAW + b'.').encode())}y"
        for outer in OUTER
        for inner in OUTER
    },
    "in escapes and plain": KEY[:9] + "".join(f"\\u{byte:04x}" for byte in RAW[9:]),
}


@pytest.mark.identity_free
@pytest.mark.parametrize("name", WRITINGS)
@pytest.mark.parametrize("pieces", [1, 7])
def test_no_writing_of_a_secret_is_passed_on(name: str, pieces: int, finding: Findings) -> None:
    known = KnownSecrets([KEY], nested=True)
    text, held, passed = f"before {WRITINGS[name]} after", "", ""
    step = max(1, len(text) // pieces)
    for at in range(0, len(text), step):  # as a stream brings it
        out, held = known.split(known.redact(held + text[at : at + step]))
        passed += out
    passed += known.redact(held)
    assert WRITINGS[name].strip() not in passed
    assert KEY[9:] not in passed
    core = base64.b64encode(RAW[3:-3]).decode().rstrip("=")[2:-2]
    assert core not in passed
    assert passed.startswith("before ")
    finding(passed[:200])


# Who is started by the crew --------------------------------------------------------------------------------

VARIABLES = (
    *("OPENROUTER_API_KEY", "NIGHTCREW_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"),
    *("GITHUB_TOKEN", "GH_TOKEN", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_CONFIG_VALUE_0", "PGPASSWORD"),
    *("TWINE_PASSWORD", "UV_PUBLISH_TOKEN", "NPM_TOKEN", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"),
    *("KUBECONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "DATABASE_URL", "NIGHTCREW_OTHER", "SECRET", "_"),
)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_secret_of_the_shell_reaches_no_process_of_the_crew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, finding: Findings
) -> None:
    monkeypatch.setenv(name, KEY)
    settings = load_settings(home=tmp_path)
    database = Database("postgresql+psycopg://x/nightcrew", "postgresql+asyncpg://x/prefect")
    crew = crew_environment(settings, api_url="http://127.0.0.1:1/api", project=tmp_path, database=database)
    handed = [crew, server_environment(crew, database), worker_environment(crew), guard_environment(settings)]
    assert not [env for env in handed if KEY in str(env)]
    finding(f"of {len(os.environ)} variables {len(handed[2])} go on")


@pytest.mark.parametrize(
    ("where", "argument"),
    [
        ("environment", "doctor"),
        ("arguments", "https://user:TOKEN@example.org/x"),
        ("arguments", "--repo=https://TOKEN@example.org/x"),
    ],
)
def test_nobody_reads_a_secret_in_a_command_that_runs(
    tmp_path: Path, where: str, argument: str, finding: Findings
) -> None:
    token = "canary0123456789abcdef"
    look = (
        "import nightcrew.cli.main as cli, sys, time\n"
        "cli.main = lambda: (print('ready', flush=True), sys.stdin.read())\n"
        "from nightcrew.cli.entry import main; main()"
    )
    env = {**os.environ, "NIGHTCREW_HOME": str(tmp_path)}
    env |= {"OPENROUTER_API_KEY": token} if where == "environment" else {}
    command = [sys.executable, "-c", look, argument.replace("TOKEN", token)]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        seen = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        process.communicate()
    assert b"nightcrew" in seen
    assert token.encode() not in seen
    finding(seen.rpartition(b"main()\0")[2].partition(b"\0")[0].decode())


# Where it lies --------------------------------------------------------------------------------------------


def _is_open(home: Path) -> None:
    (home / "results").mkdir(parents=True)
    for path in (home, home / "results"):
        path.chmod(0o777)
    (home / "results" / "calls.jsonl").write_text(KEY)
    (home / "results" / "calls.jsonl").chmod(0o666)


def _has_open_secrets(home: Path) -> None:
    (home / "secrets").mkdir(parents=True)
    (home / "secrets").chmod(0o777)
    (home / "secrets" / "account.json").write_text("{}")
    (home / "secrets" / "account.json").chmod(0o666)


def _has_a_link_for_a_secret(home: Path) -> None:
    (home / "secrets").mkdir(parents=True)
    (home.parent / "public").write_text("")
    (home.parent / "public").chmod(0o666)
    account_file(home).symlink_to(home.parent / "public")


def _has_a_second_name_for_a_secret(home: Path) -> None:
    (home / "secrets").mkdir(parents=True)
    (home.parent / "public").write_text("")
    (home.parent / "public").chmod(0o666)
    os.link(home.parent / "public", account_file(home))


def _belongs_to_another(name: str) -> Callable[[Path], None]:
    def make(home: Path) -> None:
        (home / name).mkdir(parents=True, mode=0o700)
        if os.geteuid() == 0:  # nobody else can give a folder away
            os.chown(home / name, 61_407, 61_407)
        else:
            (home / name).chmod(0o500)
        home.chmod(0o700)

    return make


HOMES: dict[str, Callable[[Path], None]] = {
    "an open home": _is_open,
    "a home of another user": _belongs_to_another("."),
    "another user's folder of secrets": _belongs_to_another("secrets"),
    "an open folder of secrets": _has_open_secrets,
    "a link in a secret's place": _has_a_link_for_a_secret,
    "a secret with a second name": _has_a_second_name_for_a_secret,
}


@pytest.mark.parametrize("name", HOMES)
def test_nobody_else_reads_what_is_kept(tmp_path: Path, name: str, finding: Findings) -> None:
    before = os.umask(0)
    home = tmp_path / "home"
    try:
        HOMES[name](home)
        open_home(home)
        closed = close_to_others(home)
        keep_account(home, Account("https://x.example/v1", SecretStr(KEY)))
        result = f"{closed} places were closed"
        assert "another" not in name or os.geteuid() != 0
    except (NightcrewError, PermissionError) as error:
        result = f"refused: {error}"
    finally:
        os.umask(before)
    for path in (home, *home.rglob("*")):
        assert path.is_symlink() or not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    public = tmp_path / "public"
    assert not public.exists() or KEY not in public.read_text()
    finding(result)
