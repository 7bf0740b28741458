"""The agent's runtime is an environment of its own: nothing of it can run in a trusted interpreter."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.environments.kept import Filled, keep
from nightcrew.execution.sandbox import Sandbox, base_python
from nightcrew.openhands.runtime import inside_mounts, kept_runtime, problem_of
from nightcrew.settings import Settings
from tests.execution.packages.index_server import LocalIndex, wheel

SOURCES = Path(__file__).resolve().parents[2] / "src" / "nightcrew"
LOCK = SOURCES / "openhands" / "runtime.lock"
VENDORS = {"openhands", "litellm"}


def test_no_module_of_the_trusted_side_imports_the_sdk() -> None:
    importers = {
        path.relative_to(SOURCES).parts[:2]
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.split(".")[0] in VENDORS and "inside" not in path.parts
    }
    assert not importers


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []


def test_the_sdk_is_not_installed_where_the_trusted_side_runs() -> None:
    installed = {one.metadata["Name"].lower() for one in importlib.metadata.distributions()}
    assert not installed & {"litellm", "openhands-sdk", "openhands-tools"}


def test_the_lock_gives_a_hash_for_each_package() -> None:
    entries = LOCK.read_text().split("\n\n")[-1].split(" \\\n    --hash")
    assert len(entries) > 100
    blocks = [line for line in LOCK.read_text().splitlines() if line and not line.startswith(("#", " "))]
    assert blocks
    assert all(line.endswith("\\") for line in blocks)


def test_a_path_file_of_a_package_runs_in_no_interpreter_of_the_host(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a release of litellm once: a .pth file runs in every interpreter of its environment."""
    ran = tmp_path / "ran-on-the-host"
    plant = f"import os; open({str(ran)!r}, 'w') if os.path.isdir({str(tmp_path / 'home')!r}) else None\n"
    name, content = wheel("planted", "1.0", {"planted.pth": plant, "planted.py": "x = 1\n"})
    (tmp_path / "home" / "somebody").mkdir(parents=True)
    with LocalIndex({"planted": {name: content}}) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)

        def fill(builder):  # type: ignore[no-untyped-def]
            builder.install(["planted==1.0"])
            return Filled()

        runtime = keep(
            tmp_path / "cache" / "runtimes", "planted", sandbox=sandbox,
            packages=Settings().packages_dir, python=base_python, fill=fill,
        )  # fmt: skip
    assert not ran.exists(), "it ran while it was installed"
    trusted = [
        sys.executable,
        "-c",
        "import nightcrew.cli, nightcrew.openhands.adapter, sys; print(sys.path)",
    ]
    done = subprocess.run(trusted, capture_output=True, text=True, check=True)
    assert str(runtime.path) not in done.stdout
    (tmp_path / "workspace").mkdir()
    inside = sandbox.run(
        [str(runtime.python), "-I", "-c", "import planted; print(planted.x)"],
        workspace=tmp_path / "workspace",
        mounts=inside_mounts(runtime),
    )
    assert inside.stdout == b"1\n", inside.stderr
    assert not ran.exists()
    assert "in the lock" in problem_of(runtime, sandbox)
    assert kept_runtime(Settings(cache=tmp_path / "cache")) is None
    remove_tree(tmp_path / "cache")
