"""A repository, or the folder somebody stands in, tries to choose what runs on the host."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nightcrew import host
from nightcrew.crew.environment import project_root
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.environments.kept import Environment, Filled, keep
from nightcrew.execution.sandbox import Sandbox, base_python
from nightcrew.openhands.runtime import inside_mounts
from nightcrew.settings import Settings
from tests.attacks.rows import Findings, Row
from tests.execution.conftest import commit_all, git, make_repo
from tests.execution.packages.index_server import LocalIndex, wheel

KEY = "sk-or-v1-canary-of-an-attack-on-the-host"
PLAIN = "def slug(text: str) -> str:\n    return '-'.join(text.lower().split())\n"
DOCUMENTED = PLAIN.replace(
    "str:\n", 'str:\n    """The words of `text` in lower case, joined by dashes."""\n', 1
)
TEST = "from slug import slug\n\n\ndef test_slug():\n    assert slug('A b') == 'a-b'\n"

# A repository's files, each of which names itself where it is run on the host ------------------------------

PYTHON = "import os\nif os.path.isdir({proof!r}): open({proof!r} + {name!r}, 'w').write(str(os.environ))\n"
SHELL = "#!/bin/sh\ntest -d {proof} && env > {proof}{name}\nexit 0\n"
PLANTED = {
    # What `python -m TOOL` finds first in the folder it stands in, or imports of itself.
    **{f"{tool}.py": PYTHON for tool in ("mypy", "ruff", "uv", "coverage", "prefect", "nightcrew")},
    **{f"{name}.py": PYTHON for name in ("sitecustomize", "usercustomize", "mypy_extensions", "evil_plugin")},
    "conftest.py": PYTHON,
    "setup.py": PYTHON,
    "noxfile.py": PYTHON,
    "evil.pth": "import os; os.path.isdir({proof!r}) and open({proof!r} + {name!r}, 'w')\n",
    "src/mypy/__main__.py": PYTHON,
    # What tools read, and take programs, plugins or other files from.
    "mypy.ini": "[mypy]\nplugins = evil_plugin.py\npython_executable = ./evil.sh\n",
    "ruff.toml": 'extend = "{secret}"\n',
    ".coveragerc": "[run]\nplugins = evil_plugin\ninclude = {secret}\n",
    "tox.ini": "[pytest]\naddopts = -p evil_plugin\n[testenv]\ncommands = ./evil.sh\n",
    "uv.toml": 'index-url = "http://127.0.0.1:1/{name}"\ncache-dir = "{proof}"\n',
    "pip.conf": "[global]\nlog = {proof}{name}\n",
    ".python-version": "{secret}\n",
    ".env": "PYTHONSTARTUP=./evil_plugin.py\nPREFECT_API_URL=http://127.0.0.1:1\nOPENROUTER_API_KEY=theirs\n",
    "prefect.toml": '[api]\nurl = "http://127.0.0.1:1"\n',
    ".gitattributes": "* filter=evil diff=evil\n",
    ".gitmodules": '[submodule "m"]\n\tpath = m\n\turl = ext::sh -c ./evil.sh\n',
    # What is found by its name where a search path is relative.
    **{f"bin/{name}": SHELL for name in ("git", "python", "uv", "mypy")},
    **dict.fromkeys(("evil.sh", "git", "bwrap", "ruff", "podman"), SHELL),
}


@dataclass(frozen=True)
class Judged:
    """What came of one verdict on a repository that is full of such files."""

    output: str
    proofs: frozenset[str]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("hostile")
    repo, proof = plant(folder, {"slug.py": PLAIN, "tests/test_slug.py": TEST})
    (repo / "slug.py").write_text(DOCUMENTED)
    patch = git(repo, "diff", "--", "slug.py")
    git(repo, "checkout", "--", "slug.py")
    (folder / "change.patch").write_text(f"{patch}\n")
    output = nightcrew(
        repo, "verify", "--repo", str(repo), "--task-type", "documentation", "--target-file", "slug.py",
        "--patch", str(folder / "change.patch"), "--json",
    )  # fmt: skip
    return Judged(output, frozenset(path.name for path in proof.iterdir()))


def plant(folder: Path, files: dict[str, str]) -> tuple[Path, Path]:
    """A repository with the hostile files, and the folder in which they tell that they were run."""
    proof, secret = folder / "proof", folder / "secret"
    proof.mkdir()
    secret.write_text(f'target-version = "{KEY}"\n')
    known = {"proof": f"{proof}/", "secret": secret}
    hostile = {name: text.format(name=name.replace("/", "-"), **known) for name, text in PLANTED.items()}
    repo = make_repo(folder / "repo", {**hostile, **files})
    for name in PLANTED:
        if hostile[name].startswith("#!"):
            (repo / name).chmod(0o755)
    commit_all(repo)
    for path in proof.iterdir():
        path.unlink()  # our own commit may have run something
    return repo, proof


def nightcrew(folder: Path, *words: str) -> str:
    """What the command says to somebody who stands in `folder` and has it on the search path."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTCREW_", "PYTHON"))}
    env |= {"OPENROUTER_API_KEY": KEY, "PATH": f".:bin:{os.environ['PATH']}"}
    env |= {"NIGHTCREW_HOME": str(folder.parent / "home")}
    program = Path(sys.executable).with_name("nightcrew")
    done = subprocess.run(
        [sys.executable, str(program), *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout + done.stderr


@pytest.mark.attack(Row.HOST_INTERPRETER)
@pytest.mark.parametrize("name", PLANTED)
def test_no_file_of_a_repository_is_run_or_obeyed_on_the_host(
    judged: Judged, name: str, finding: Findings
) -> None:
    known = json.loads(judged.output)
    assert known["verdict"] not in {"infrastructure_fault", ""}, judged.output
    assert {gate["name"] for gate in known["gates"]} >= {"static"}, "the tools were never asked"
    assert name.replace("/", "-") not in judged.proofs
    assert KEY not in judged.output
    finding(f"{known['verdict']}: {[gate['name'] for gate in known['gates']]}")


# The folder somebody stands in ----------------------------------------------------------------------------

COMMANDS = (("--version",), ("doctor", "--json"), ("models",), ("run-engine", "--help"), ("get-status",))


@pytest.fixture(scope="module")
def stood_in(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, str], frozenset[str]]]:
    folder = tmp_path_factory.mktemp("folder")
    module = PYTHON.replace("{name!r}", "os.path.basename(__file__)").replace(
        "{proof!r}", repr(f"{folder}/proof/")
    )
    names = (
        "typer",
        "rich",
        "pydantic",
        "httpx",
        "json",
        "sitecustomize",
        "prefect",
        "sqlalchemy",
        "secrets",
    )
    project = {
        "prefect.yaml": "name: hostile\n",
        **dict.fromkeys(("flows/run_task.py", "deployments/bootstrap.py", "nightcrew/__init__.py"), module),
        **dict.fromkeys((f"{name}.py" for name in names), module),
    }
    hostile, proof = plant(folder, project)
    output = {" ".join(words): nightcrew(hostile, *words) for words in COMMANDS}
    yield hostile, output, frozenset(path.name for path in proof.iterdir())


@pytest.mark.attack(Row.CHOSEN_BY_FOLDER)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_takes_nothing_from_the_folder_it_is_started_in(
    stood_in: tuple[Path, dict[str, str], frozenset[str]], words: tuple[str, ...], finding: Findings
) -> None:
    _, output, proofs = stood_in
    assert not proofs
    text = output[" ".join(words)]
    assert "Traceback" not in text
    assert KEY not in text
    finding(text.strip().splitlines()[0])


@pytest.mark.attack(Row.CHOSEN_BY_FOLDER)
def test_the_project_is_where_the_library_is(
    stood_in: tuple[Path, dict[str, str], frozenset[str]], monkeypatch: pytest.MonkeyPatch, finding: Findings
) -> None:
    monkeypatch.chdir(stood_in[0])
    assert not project_root().is_relative_to(stood_in[0])
    finding(project_root())


@pytest.mark.attack(Row.CHOSEN_BY_FOLDER)
@pytest.mark.parametrize("program", ["git", "bwrap", "podman", "ruff"])
def test_a_program_is_not_taken_from_the_folder(
    stood_in: tuple[Path, dict[str, str], frozenset[str]],
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    finding: Findings,
) -> None:
    monkeypatch.chdir(stood_in[0])
    monkeypatch.setenv("PATH", f".:bin::{os.environ['PATH']}")
    try:
        found = host.run(["sh", "-c", f"command -v {program}"], env=host.environment(), seconds=10).stdout
    finally:
        monkeypatch.undo()
    assert not found.startswith(b".")
    finding(found.decode() or "there is none")


# A malicious release among the agent's packages -----------------------------------------------------------

MALICE = "import os\nif os.path.isdir({proof!r}): open({proof!r} + __name__.replace('.', '-'), 'w')\n"
RELEASE = {
    "evil.pth": "import os; os.path.isdir({proof!r}) and open({proof!r} + 'pth', 'w')\n",
    "sitecustomize.py": MALICE,
    "usercustomize.py": MALICE,
    "litellm/__init__.py": MALICE,
    "openhands/sdk/__init__.py": MALICE,
    "pydantic/__init__.py": MALICE,
    "nightcrew/__init__.py": MALICE,
    "json/__init__.py": MALICE,
}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[tuple[Environment, Path]]:
    folder = tmp_path_factory.mktemp("runtime")
    proof = folder / "proof"
    proof.mkdir()
    name, content = wheel(
        "litellm", "1.0", {path: text.format(proof=f"{proof}/") for path, text in RELEASE.items()}
    )
    with LocalIndex({"litellm": {name: content}}) as index, pytest.MonkeyPatch.context() as patched:
        patched.setenv("UV_DEFAULT_INDEX", index.url)

        def fill(builder):  # type: ignore[no-untyped-def]
            builder.install(["litellm==1.0"])
            return Filled()

        built = keep(
            folder / "runtimes", "evil", sandbox=sandbox,
            packages=Settings(home=folder / "home", cache=folder / "cache").packages_dir,
            python=base_python, fill=fill,
        )  # fmt: skip
    yield built, proof
    remove_tree(folder / "runtimes")


@pytest.mark.attack(Row.AGENT_RUNTIME)
@pytest.mark.parametrize(
    "moment",
    ["while it is installed", "when the command line loads", "when the adapter loads", "when it runs inside"],
)
def test_a_malicious_release_runs_in_no_process_of_the_host(
    runtime: tuple[Environment, Path], sandbox: Sandbox, tmp_path: Path, moment: str, finding: Findings
) -> None:
    built, proof = runtime
    output = f"{len(list(built.path.rglob('*.py')))} modules lie in the runtime"
    if moment.startswith("when the"):
        module = "nightcrew.cli.main" if "command" in moment else "nightcrew.openhands.adapter"
        look = f"import {module}, sys; print(*sys.path, *sorted(sys.modules))"
        run = [sys.executable, "-c", look]
        loaded = subprocess.run(run, capture_output=True, text=True, check=True, cwd=built.path).stdout
        assert str(built.path) not in loaded
        assert "litellm" not in loaded.split()
        output = f"{module} loads nothing of it"
    if moment.endswith("inside"):
        look = "import litellm, os; print(os.listdir('/'), litellm.__file__)"
        done = sandbox.run(
            [str(built.python), "-c", look], workspace=tmp_path, mounts=inside_mounts(built),
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert str(built.path) in done.stdout.decode(), done.stderr
        output = done.stdout.decode()
    assert list(proof.iterdir()) == []
    finding(output)
