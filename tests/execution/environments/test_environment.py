"""Environments, built for real: cached, closed, and honest about what failed."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.environments.declared import read_declared
from nightcrew.execution.environments.environment import (
    Environment,
    build_environment,
    command_environment,
    project_paths,
)
from nightcrew.execution.sandbox import Sandbox, base_python
from nightcrew.settings import Settings
from nightcrew.target_config import TargetConfig

type Build = Callable[..., Environment]
type Inside = Callable[[Environment, str], str]


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def build(sandbox: Sandbox, tmp_path: Path) -> Iterator[Build]:
    """Builds environments in a home of the test's own."""
    home = tmp_path / "home"

    def build(tree: Path, **config: Any) -> Environment:
        return build_environment(tree, TargetConfig(**config), Settings(home=home), sandbox)

    yield build
    remove_tree(home)


@pytest.fixture
def inside(sandbox: Sandbox, tmp_path: Path) -> Inside:
    """What an environment's Python prints for a piece of code; it fails with what went wrong."""

    def run(environment: Environment, code: str) -> str:
        folder = tmp_path / "inside"
        folder.mkdir(exist_ok=True)
        command = [str(environment.python), "-I", "-c", code]
        done = sandbox.run(command, workspace=folder, mounts=environment.mounts)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    return run


# What is declared ------------------------------------------------------------------------------------------

PYPROJECT = """
[project]
name = "My.Shop"
requires-python = ">=3.10"
dependencies = ["attrs>=20"]
[project.optional-dependencies]
test = ["hypothesis", "my-shop[extra]"]
docs = ["sphinx"]
[dependency-groups]
dev = ["freezegun", {include-group = "more"}, {include-group = "dev"}]
more = ["responses"]
"""


def test_dependencies_of_the_project_and_of_its_tests_are_read(tmp_path: Path) -> None:
    declared = read_declared(write(tmp_path, pyproject_dot_toml=PYPROJECT))
    assert declared.requirements == ("attrs>=20", "hypothesis", "freezegun", "responses")
    assert declared.python == ">=3.10"
    assert (declared.extras, declared.groups) == (("test",), ("dev",))


STALE_PROJECT = """
[project]
name = "shop"
version = "1"
requires-python = ">=3.10"
[project.optional-dependencies]
test = []
"""
STALE_LOCK = """
version = 1
requires-python = ">=3.10"

[[package]]
name = "shop"
version = "1"
source = { virtual = "." }
"""


def test_a_lock_that_lacks_what_is_declared_is_left_aside(
    build: Build, inside: Inside, tmp_path: Path
) -> None:
    tree = write(tmp_path / "stale", pyproject_dot_toml=STALE_PROJECT, uv_dot_lock=STALE_LOCK)
    assert inside(build(tree), "import pytest; print(1)") == "1"


def test_requirement_files_are_followed_and_local_folders_left_out(tmp_path: Path) -> None:
    (tmp_path / "requirements-test.txt").write_text(
        "-r requirements/base.txt\n-e .\n./local\npytest>=7  # runner\n--index-url https://example.org\n"
        "-r ../../outside.txt\npinned==1.0 --hash=sha256:abc \\\n    --hash=sha256:def\n"
    )
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("# comment\n\nattrs\n-r ../requirements-test.txt\n")
    (tmp_path / "requirements-docs.txt").write_text("sphinx\n")
    assert set(read_declared(tmp_path).requirements) == {"attrs", "pytest>=7", "pinned==1.0"}


def test_setup_cfg_counts_too(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text(
        "[options]\ninstall_requires =\n  attrs\n  six; python_version < '3'\n"
        "[options.extras_require]\ntests = mock\n"
    )
    assert read_declared(tmp_path).requirements == ("attrs", "six; python_version < '3'", "mock")


SETUP_PY = """
from setuptools import setup
TESTS = ["mock"]
setup(name="shop", version=open("VERSION").read(),
      install_requires=["idna>=2.5", 'typing; python_version<"3.5"'],
      tests_require=TESTS, extras_require={"test": ["hypothesis"], "docs": ["sphinx"]})
"""


def test_flits_old_tables_are_read(tmp_path: Path) -> None:
    text = '[tool.flit.metadata]\nmodule = "shop"\nrequires = ["six>=1.9"]\n'
    text += '[tool.flit.metadata.requires-extra]\ntest = ["lxml"]\ndoc = ["sphinx"]\n'
    assert read_declared(write(tmp_path, pyproject_dot_toml=text)).requirements == ("six>=1.9", "lxml")


def test_a_requirement_may_go_on_in_the_next_line(tmp_path: Path) -> None:
    text = (
        "[options.extras_require]\ntesting =\n  lxml; \\\n    # a comment\n    python_version > '3'\n  six\n"
    )
    found = read_declared(write(tmp_path, setup_dot_cfg=text)).requirements
    assert [one.replace("  ", " ") for one in found] == ["lxml; python_version > '3'", "six"]


def test_setup_py_is_read_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(SETUP_PY)
    assert read_declared(tmp_path).requirements == (
        *("idna>=2.5", 'typing; python_version<"3.5"', "mock", "hypothesis"),
    )


POETRY = """
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.9"
attrs = "^20.1"
six = "*"
idna = {version = ">=2.5,<4", markers = "python_version > '3'"}
near = {path = "../near"}
small = "^0.3.2"
exact = "1.4"
shop = "*"
[tool.poetry.group.dev.dependencies]
hypothesis = "~6.1"
"""


def test_poetrys_tables_are_read(tmp_path: Path) -> None:
    assert read_declared(write(tmp_path, pyproject_dot_toml=POETRY)).requirements == (
        *("attrs>=20.1,<21", "six", "idna>=2.5,<4; python_version > '3'"),
        # A folder that the repository does not hold: the line stays, and is refused by its name later.
        *("near @ file:../near", "small>=0.3.2,<0.4", "exact==1.4", "hypothesis>=6.1,<6.2"),
    )


def test_what_test_runners_install_is_used_where_it_can_be(tmp_path: Path, build: Build) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "tox.ini").write_text(
        "[testenv]\ndeps =\n  coverage<1  # no!\n  coverage>2\n  -r other.txt\n  py27: mock\n  {[base]deps}\n"
    )
    declared = read_declared(tree)
    assert (declared.requirements, declared.runners) == ((), ("coverage<1", "coverage>2"))
    assert build(tree).python.is_file()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[dependency-groups]\nci = ["pytest>=8", "six"]\ndocs = ["sphinx"]\n', {"pytest>=8", "six"}),
        ('[dependency-groups]\nci = ["pytest", "a"]\ntests = ["b"]\n', {"b"}),
        ('[dependency-groups]\ncheck = ["pytest-mypy"]\n', set()),
        ('[dependency-groups]\ntest-more = ["a"]\ndev = ["b"]\nlatest = ["c"]\n', {"a", "b"}),
        ('[project]\n[project.optional-dependencies]\nall = ["pytest", "six"]\n', {"pytest", "six"}),
        ('[tool.hatch.envs.dev]\ndependencies = ["pytest", "lxml"]\n', {"pytest", "lxml"}),
        ('[tool.hatch.envs.docs]\ndependencies = ["sphinx"]\n', set()),
        ('[tool.tox]\nlegacy_tox_ini = """[testenv]\ndeps =\n pytest8.3: pytest<9\n six"""\n', {"six"}),
    ],
)  # fmt: skip
def test_groups_of_any_name_that_bring_pytest_are_for_tests(
    tmp_path: Path, text: str, wanted: set[str]
) -> None:
    declared = read_declared(write(tmp_path, pyproject_dot_toml=text))
    assert {*declared.requirements, *declared.runners} == wanted


def test_extras_of_setup_py_and_setup_cfg_are_for_tests_by_a_part_of_their_name(tmp_path: Path) -> None:
    script = "setup(extras_require={'dev.test': ['mock'], 'dev.lint': ['ruff'], 'contest': ['six']})\n"
    config = "[options.extras_require]\ntests-extra =\n    attrs\ndocs =\n    sphinx\n"
    assert read_declared(write(tmp_path, setup_dot_py=script, setup_dot_cfg=config)).requirements == (
        "mock",
        "attrs",
    )


@pytest.mark.parametrize(
    ("line", "runners"),
    [
        ("py{27,36}: six", ("six",)),
        ("threads,greenlets: six", ("six",)),
        ("!py27: six", ("six",)),
        ("py27: six", ()),
        ("old: six < 1", ()),
        ("django22: six~=1.2", ()),
        ("six", ("six",)),
    ],
)
def test_a_line_of_tox_counts_where_its_factors_do_not_choose_a_version(
    tmp_path: Path, line: str, runners: tuple[str, ...]
) -> None:
    text = f"[testenv]\ndeps =\n  {line}\n"
    assert read_declared(write(tmp_path, tox_dot_ini=text)).runners == runners


@pytest.mark.parametrize(
    ("command", "runners"),
    [
        ('pip install pytest "six>=1" lxml', ("pytest", "six>=1", "lxml")),
        ("python -m pip install -U pip pytest && pip install docutils", ("pytest",)),
        ("pip install flake8 black", ()),
        ('pip install "pytest<8" hypothesis==${{ matrix.h }} six', ()),
        ("pip install pytest -r more.txt .", ("pytest", "idna")),
        ("pip install 'pytest", ()),
    ],
)
def test_what_ci_installs_with_its_test_runner_is_used(
    tmp_path: Path, command: str, runners: tuple[str, ...]
) -> None:
    workflow = f"jobs:\n  test:\n    steps:\n      - run: {command}\n"
    tree = write(tmp_path, _dot_github__workflows__ci_dot_yml=workflow, more_dot_txt="idna\n")
    assert read_declared(tree).runners == runners


def test_what_tests_take_from_an_address_is_left_out(tmp_path: Path) -> None:
    text = "six\nhttps://example.org/pip.zip#egg=pip\nlxml @ https://example.org/lxml.zip\n"
    (tmp_path / "dev-requirements-py36.txt").write_text(text)
    assert read_declared(tmp_path).requirements == ("six",)


def test_without_its_requirement_files_a_project_keeps_its_own_requirements(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["idna"]\n')
    (tmp_path / "requirements.txt").write_text("-e .\nattrs\n")
    declared = read_declared(tmp_path)
    assert (declared.requirements, declared.fallbacks) == (("idna", "attrs"), (("idna",),))


def test_requirement_files_that_contradict_each_other_are_not_all_used(tmp_path: Path, build: Build) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "requirements-tests.txt").write_text("iniconfig==2.0.0\n")
    (tree / "requirements-tools.txt").write_text("iniconfig==2.1.0\n")
    declared = read_declared(tree)
    assert set(declared.requirements) == {"iniconfig==2.0.0", "iniconfig==2.1.0"}
    assert declared.fallbacks == (("iniconfig==2.0.0",), ())
    built = build(tree)
    assert list(built.path.glob("lib/python*/site-packages/iniconfig-2.0.0.dist-info"))


def test_of_files_with_pins_for_several_pythons_the_newest_are_used(tmp_path: Path, build: Build) -> None:
    tree = write(
        tmp_path / "tree", requirements_tests38_dot_txt="iniconfig==2.0.0\n",
        requirements_tests39_dot_txt="iniconfig==2.1.0\n",
    )  # fmt: skip
    for path in tree.iterdir():
        path.rename(path.with_name(path.name.replace("_tests", "-tests")))
    assert list(build(tree).path.glob("lib/python*/site-packages/iniconfig-2.1.0.dist-info"))


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("import pkg_resources\n", ("setuptools<81",)),
        ("if True:\n    from distutils.version import LooseVersion\n", ("setuptools<81",)),
        ("import packaging  # not distutils\n", ()),
    ],
)
def test_code_that_needs_what_setuptools_brought_along_gets_it(
    tmp_path: Path, text: str, declared: tuple[str, ...]
) -> None:
    write(tmp_path, tests__conftest_dot_py=text, setup_dot_py="import pkg_resources\n")
    assert read_declared(tmp_path).requirements == declared


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ("setuptools", ("setuptools<81",)),
        ("setuptools>=40", ("setuptools<81",)),
        ("setuptools==60.1", ()),
        ("setuptools>=3,<70", ()),
    ],
)
def test_a_project_that_names_setuptools_gets_one_that_has_what_its_code_imports(
    tmp_path: Path, line: str, more: tuple[str, ...]
) -> None:
    project = f'[project]\nname = "shop"\nversion = "1"\ndependencies = ["{line}"]\n'
    write(tmp_path, pyproject_dot_toml=project, shop_dot_py="import pkg_resources\n")
    assert read_declared(tmp_path).requirements == (line, *more)


def test_a_repository_that_declares_nothing_is_fine_and_a_broken_one_is_not(tmp_path: Path) -> None:
    assert read_declared(tmp_path).requirements == ()
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(BadInput, match=r"pyproject\.toml"):
        read_declared(tmp_path)


# What is built ---------------------------------------------------------------------------------------------


def test_pytest_and_coverage_are_always_there_and_the_rest_of_ours_is_not(
    environment: Environment, inside: Inside
) -> None:
    assert inside(environment, "import pytest, coverage, sys; print(sys.prefix)") == str(environment.path)
    found = "import importlib.util; print(importlib.util.find_spec('pydantic'))"
    assert inside(environment, found) == "None"
    assert environment.built == ()


def test_a_pytest_that_cannot_run_on_this_python_is_replaced(
    tmp_path: Path, build: Build, inside: Inside
) -> None:
    pins = "pytest==3.0.2\npluggy==0.3.1\npy==1.4.31\n"
    environment = build(write(tmp_path / "tree", requirements_dot_txt=pins))
    assert int(inside(environment, "import pytest; print(pytest.__version__.split('.')[0])")) >= 7


def test_a_plugin_that_pytest_refuses_is_left_out(tmp_path: Path, build: Build, inside: Inside) -> None:
    pins = "pytest-pep8==1.0.6\npytest-mock\n"  # its hook has an argument that pytest no longer gives
    environment = build(write(tmp_path / "tree", requirements_dot_txt=pins))
    plugins = (
        "from importlib.metadata import entry_points as e; print(*(o.name for o in e(group='pytest11')))"
    )
    assert {"pytest_mock", "pep8"} & {*inside(environment, plugins).split()} == {"pytest_mock"}
    assert inside(environment, "import pytest_pep8; print('there')") == "there"


def test_packages_that_need_what_setuptools_brought_along_get_it(
    tmp_path: Path, build: Build, inside: Inside
) -> None:
    environment = build(write(tmp_path / "tree", requirements_dot_txt="pyparsing\nasset\n"))
    assert inside(environment, "import pkg_resources, asset; print(1)") == "1"


def test_it_is_found_again_at_once_and_is_closed(
    environment: Environment, crew_home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    mark = environment.path.with_suffix(".json")
    before = mark.stat().st_mtime_ns
    again = build_environment(tmp_path, TargetConfig(), Settings(home=crew_home), sandbox)
    assert again == environment
    assert mark.stat().st_mtime_ns == before
    for path in (environment.path, *environment.path.rglob("*")):
        assert path.lstat().st_uid == os.geteuid()
        if not path.is_symlink():
            assert path.stat().st_mode & 0o222 == 0
            assert path.stat().st_mode & 0o044 == 0o044


def test_it_runs_inside_the_sandbox(environment: Environment, sandbox: Sandbox, tmp_path: Path) -> None:
    tree = write(
        tmp_path / "tree", src__shop__init_dot_py="", test_x_dot_py="def test_x():\n    import shop\n"
    )
    done = sandbox.run(
        ["/bin/sh", "-c", "which python; python -m pytest -q"],
        workspace=tree,
        mounts=environment.mounts,
        env=command_environment(environment, tree),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.decode().startswith(f"{environment.bin}/python\n")


def test_import_roots_follow_the_layout(tmp_path: Path) -> None:
    assert project_paths(tmp_path) == ("/workspace",)
    (tmp_path / "src").mkdir()
    assert project_paths(tmp_path) == ("/workspace/src", "/workspace")
    (tmp_path / "src" / "__init__.py").touch()
    assert project_paths(tmp_path) == ("/workspace",)


def test_the_repositorys_own_command_fills_it(tmp_path: Path, build: Build, inside: Inside) -> None:
    tree = write(tmp_path / "tree", mine_dot_py="VALUE = 42\n")
    command = (
        'cp mine.py "$(echo $NIGHTCREW_ENV/lib/python*/site-packages)" && touch left-behind && '
        "uv pip install --quiet sniffio && "
        "python -c 'import sys; assert sys.prefix == sys.argv[1]' $NIGHTCREW_ENV"
    )
    built = build(tree, setup=command)
    assert inside(built, "import mine, pytest, sniffio; print(mine.VALUE)") == "42"
    assert built.built == (f"the set-up command {command!r}",)
    assert not (tree / "left-behind").exists()


def test_the_build_sees_no_secret(tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-secret")
    monkeypatch.setenv("NIGHTCREW_API_KEY", "sk-or-secret")
    with pytest.raises(BadInput) as raised:
        build(tmp_path, setup="env; exit 3")
    assert "NIGHTCREW_ENV" in str(raised.value)
    assert "sk-or-secret" not in str(raised.value)


def test_a_failed_build_says_why_and_leaves_nothing(tmp_path: Path, build: Build) -> None:
    with pytest.raises(BadInput, match=r"(?s)no compiler.*nightcrew\.toml"):
        build(tmp_path, setup="echo no compiler >&2; exit 3")
    assert [path.suffix for path in (tmp_path / "home" / "environments").iterdir()] == [".lock"]


def test_requirements_that_cannot_be_installed_are_taken_newer(tmp_path: Path, build: Build) -> None:
    tree = write(tmp_path / "tree", requirements_dot_txt="iniconfig==0.0.1\n")
    built = build(tree)
    assert list(built.path.glob("lib/python*/site-packages/iniconfig-2.*.dist-info"))
    assert (built.built, built.lacks) == (
        ("newer versions than the repository names, which cannot be installed",),
        "",
    )


def test_an_environment_says_what_it_lacks_and_is_tried_again_the_next_day(
    tmp_path: Path, build: Build, inside: Inside
) -> None:
    tree = write(tmp_path / "tree", requirements_dot_txt="iniconfig>=999\n")
    built = build(tree)
    assert "No solution found" in built.lacks and build(tree) == built
    assert inside(built, "import pytest; print(1)") == "1"
    mark = tmp_path / "home" / "environments" / f"{built.key}.json"
    os.utime(mark, (0, 0))
    write(tree, requirements_dot_txt="iniconfig>=999\n")
    assert build(tree) == built and mark.stat().st_mtime > 0


def test_what_decides_changes_the_key_and_nothing_else_does(
    environment: Environment, crew_home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = Settings(home=crew_home)
    write(tmp_path, module_dot_py="x = 1\n", README_dot_md="x")
    same = build_environment(tmp_path, TargetConfig(test="pytest tests"), settings, sandbox)
    assert same.key == environment.key
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.11"\n')
    assert build_environment(tmp_path, TargetConfig(), settings, sandbox).key != environment.key


def test_a_half_built_one_is_built_anew(
    environment: Environment, tmp_path: Path, build: Build, inside: Inside
) -> None:
    (tmp_path / "home" / "environments" / environment.key / "bin").mkdir(parents=True)
    assert inside(build(write(tmp_path / "tree")), "import pytest; print(1)") == "1"


def test_several_at_once_build_it_once(tmp_path: Path, build: Build) -> None:
    found: list[Environment] = []

    def work() -> None:
        found.append(build(tmp_path, setup="date +%N > $NIGHTCREW_ENV/moment"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert (found[0].path / "moment").is_file()


def test_without_the_package_index_a_plain_repository_still_gets_one(
    environment: Environment, tmp_path: Path, build: Build, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was downloaded once is used again; `environment` has seen to that."""
    _cut_off(monkeypatch)
    assert inside(build(write(tmp_path / "tree")), "import pytest, coverage; print(1)") == "1"


def test_without_the_package_index_an_unknown_package_is_a_passing_fault(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(monkeypatch)
    (tmp_path / "requirements.txt").write_text("a-package-that-was-never-downloaded==1.2.3\n")
    with pytest.raises(Transient, match="package index"):
        build(tmp_path)
    assert [path.suffix for path in (tmp_path / "home" / "environments").iterdir()] == [".lock"]


def _cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every request to a port where nobody listens."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.parametrize("spec", [">=3.99", "not a version"])
def test_a_python_that_is_not_there_is_reported(
    tmp_path: Path, build: Build, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\nrequires-python = "{spec}"\n')
    with pytest.raises(BadInput, match="requires-python"):
        build(tmp_path)


def test_its_mounts_show_the_environment_and_its_python(environment: Environment) -> None:
    targets = [mount.target for mount in environment.mounts]
    assert str(environment.path) in targets
    assert all(not mount.writable for mount in environment.mounts)
    base = base_python().parent.parent
    assert str(base) in targets or str(base).startswith("/usr")
