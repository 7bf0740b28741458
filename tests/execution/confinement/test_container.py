"""Containers as a sandbox: with a real engine where one is installed, and a clear error where none is."""

import os
import sys
from pathlib import Path

import pytest

from nightcrew.errors import BadInput, SandboxUnavailable
from nightcrew.execution.confinement.engine import mount_option
from nightcrew.execution.confinement.seccomp import seccomp_profile
from nightcrew.execution.sandbox import ContainerRoot, Limits, Sandbox, interpreter_mounts, open_sandbox
from nightcrew.execution.sandbox_proof import attack_report
from nightcrew.settings import SandboxKind, load_settings


@pytest.fixture(scope="module")
def podman() -> Sandbox:
    try:
        return open_sandbox(SandboxKind.PODMAN)
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work, space"
    folder.mkdir()
    return folder


def test_a_command_ends_as_it_would_in_bubblewrap(podman: Sandbox, workspace: Path) -> None:
    script = 'cat; echo wrong >&2; echo x > made; echo "$GIVEN"; exit 7'
    done = podman.run(["/bin/sh", "-c", script], workspace=workspace, stdin=b"in\n", env={"GIVEN": "a\nb"})
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in\na\nb\n", b"wrong\n")
    assert (workspace / "made").read_text() == "x\n"
    assert podman.run(["no-such-command"], workspace=workspace).returncode == 127
    assert podman.run(["/bin/sh", "-c", "kill -SEGV $$"], workspace=workspace).returncode == 139


def test_an_interpreter_of_the_host_runs_inside(podman: Sandbox, workspace: Path) -> None:
    python = Path(sys.executable)
    command = [str(python), "-I", "-c", "import ssl; print('runs')"]
    done = podman.run(command, workspace=workspace, mounts=interpreter_mounts(python))
    assert done.stdout == b"runs\n", done.stderr


def test_time_is_the_commands_own(podman: Sandbox, workspace: Path) -> None:
    done = podman.run(["sleep", "60"], workspace=workspace, limits=Limits(wall_seconds=0.5))
    assert done.killed_by == "wall_time"
    assert done.seconds < 15


def test_a_folder_can_be_the_root(podman: Sandbox, workspace: Path) -> None:
    assert podman.name == "podman"
    rooted = open_sandbox(SandboxKind.PODMAN, ContainerRoot(folder=Path("/")))
    done = rooted.run(["/bin/sh", "-c", "touch /etc/planted || id -u"], workspace=workspace)
    assert done.stdout.strip() == str(os.getuid() or 61_000).encode()
    assert not Path("/etc/planted").exists()


def test_an_image_that_is_not_there_is_reported() -> None:
    with pytest.raises(SandboxUnavailable, match=r"podman cannot work here: .*NIGHTCREW_SANDBOX"):
        open_sandbox(SandboxKind.PODMAN, ContainerRoot(image="localhost/no-such-image:1"))


def test_the_proof_holds_in_a_container(podman: Sandbox) -> None:
    report = attack_report(podman)
    assert len(report) >= 14
    assert [finding for finding in report if not finding.held] == []


@pytest.mark.parametrize("kind", [SandboxKind.PODMAN, SandboxKind.DOCKER])
def test_an_engine_that_is_not_installed_is_reported(
    kind: SandboxKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.execution.confinement.engine._search_path", lambda: "/nowhere")
    with pytest.raises(
        SandboxUnavailable, match=rf"{kind} cannot work here: it is not installed.*bubblewrap"
    ):
        open_sandbox(kind)


def test_docker_does_not_start_from_a_folder() -> None:
    with pytest.raises(BadInput, match="NIGHTCREW_SANDBOX_IMAGE"):
        open_sandbox(SandboxKind.DOCKER, ContainerRoot(folder=Path("/")))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, SandboxKind.BUBBLEWRAP),
        ({"OPENHANDS_USE_DOCKER_RUNTIME": "true"}, SandboxKind.DOCKER),
        ({"OPENHANDS_USE_DOCKER_RUNTIME": "false"}, SandboxKind.BUBBLEWRAP),
        ({"OPENHANDS_USE_DOCKER_RUNTIME": "1", "NIGHTCREW_SANDBOX": "podman"}, SandboxKind.PODMAN),
    ],
)
def test_the_originals_variable_is_understood(
    variables: dict[str, str], expected: SandboxKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENHANDS_USE_DOCKER_RUNTIME", "NIGHTCREW_SANDBOX"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings().sandbox is expected


def test_a_path_with_commas_and_quotes_is_one_option() -> None:
    option = mount_option("/a,b", "/c", writable=False)
    assert option == 'type=bind,"source=/a,b",destination=/c,readonly'


def test_the_engines_rules_deny_what_ours_deny() -> None:
    rules = seccomp_profile()["syscalls"]
    assert isinstance(rules, list)
    denied = {name for rule in rules for name in rule["names"]}
    assert {"mount", "ptrace", "bpf", "socketpair", "clone", "clone3", "prlimit64", "semget"} <= denied
