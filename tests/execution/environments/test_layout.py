# ruff: noqa: E501
"""Repositories as they are: where code lies, which project a task is about, and what its tests need."""

from pathlib import Path

import pytest

from nightcrew.execution.environments.declared import read_declared
from nightcrew.execution.environments.environment import project_paths
from nightcrew.execution.environments.layout import import_roots, read_target

PROJECT = '[project]\nname = "{name}"\ndependencies = {needs}\n'


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.setuptools]\npackage-dir = {"" = "lib"}\n'),
        ("pyproject.toml", '[tool.setuptools]\npackage-dir = {"shop" = "lib/shop"}\n'),
        ("pyproject.toml", '[tool.setuptools.packages.find]\nwhere = ["lib"]\n'),
        ("pyproject.toml", '[[tool.poetry.packages]]\ninclude = "shop"\nfrom = "lib"\n'),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\npackages = ["lib/shop"]\n'),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\nsources = ["lib"]\n'),
        ("pyproject.toml", '[tool.pdm.build]\npackage-dir = "lib"\n'),
        ("pyproject.toml", '[tool.uv.build-backend]\nmodule-root = "lib"\n'),
        ("setup.cfg", "[options]\npackage_dir =\n    = lib\n"),
        ("setup.cfg", "[options.packages.find]\nwhere = lib\n"),
        ("setup.py", 'from setuptools import *\nsetup(package_dir={"": "lib"})\n'),
        ("setup.py", 'from setuptools import *\nsetup(packages=find_packages("lib"))\n'),
    ],
)
def test_the_builds_own_settings_say_where_code_lies(tmp_path: Path, name: str, text: str) -> None:
    tree = write(tmp_path, {name: text, "lib/shop/__init__.py": ""})
    assert import_roots(tree, "") == ("lib", "")


def test_a_source_folder_that_looks_like_a_package_is_one_where_the_projects_package_is_inside(
    tmp_path: Path,
) -> None:
    files = {"src/__init__.py": "", "src/own_shop/__init__.py": "", "src/tests/__init__.py": ""}
    tree = write(tmp_path, {"pyproject.toml": '[project]\nname = "own-shop"\n', **files})
    assert import_roots(tree, "") == ("src", "")
    tree = write(tmp_path, {"pyproject.toml": '[project]\nname = "other"\n'})
    assert import_roots(tree, "") == ("",)


def test_a_folder_outside_of_the_repository_is_none_of_it(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"setup.cfg": "[options.packages.find]\nwhere = ../other\n"})
    (tmp_path / "other").mkdir()
    assert import_roots(tree, "") == ("",)


WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n[dependency-groups]\ndev = ["freezegun"]\n',
    "packages/shop/pyproject.toml": PROJECT.format(name="acme-shop", needs='["attrs", "acme.till[fast]"]')
    + '[project.optional-dependencies]\ntest = ["hypothesis"]\n[tool.uv.sources]\nacme-till = {workspace = true}\n',
    "packages/shop/src/shop/a.py": "",
    "packages/shop/tests/test_a.py": "",
    "packages/till/pyproject.toml": PROJECT.format(name="acme_till", needs='["idna"]')
    + '[project.optional-dependencies]\nfast = ["orjson"]\n',
    "packages/till/src/till/b.py": "",
}


def test_a_member_of_a_workspace_needs_its_neighbours_and_asks_no_index_for_them(tmp_path: Path) -> None:
    tree = write(tmp_path, WORKSPACE)
    root = read_target(tree, "packages/shop/src/shop/a.py").root
    declared = read_declared(tree, root)
    assert root == "packages/shop"
    assert declared.requirements == ("attrs", "idna", "orjson", "hypothesis")
    assert declared.runners == ("freezegun",)
    assert declared.members == ("packages/till",)
    assert project_paths(tree, root) == tuple(
        f"/workspace/packages/{one}" for one in ("shop/src", "shop", "till/src", "till")
    )


def test_the_root_of_a_workspace_needs_all_members(tmp_path: Path) -> None:
    declared = read_declared(write(tmp_path, WORKSPACE))
    assert set(declared.requirements) == {"freezegun", "attrs", "idna", "orjson", "hypothesis"}
    assert declared.members == ("packages/shop", "packages/till")


def test_a_folder_that_is_poetrys_is_followed(tmp_path: Path) -> None:
    text = (
        '[tool.poetry]\nname = "app"\n[tool.poetry.dependencies]\nnear = {path = "../near", develop = true}\n'
    )
    near = '[tool.poetry]\nname = "near"\n[tool.poetry.dependencies]\nidna = "*"\n'
    tree = write(tmp_path, {"app/pyproject.toml": text, "near/pyproject.toml": near})
    declared = read_declared(tree, "app")
    assert (declared.requirements, declared.members) == (("idna",), ("near",))


def test_extras_behind_local_folders_nested_files_tox_and_nox_are_found(tmp_path: Path) -> None:
    setup = (
        "from setuptools import setup\nBASE = ['attrs']\nMORE = BASE + ['mock']\n"
        "setup(name='shop', install_requires=BASE, extras_require={'cli': MORE, 'web': [*BASE, 'idna']})\n"
    )
    tree = write(
        tmp_path,
        {
            "setup.py": setup,
            "requirements-dev.txt": "-r requirements/ci.txt\n",
            "requirements/ci.txt": "-e .[cli]\n",
            "tox.ini": "[testenv]\nextras = web\ndeps =\n  -r{toxinidir}/more.txt\n  py27: enum34\n",
            "more.txt": "responses\n",
            "noxfile.py": "def tests(session):\n    session.install('-e', '.[web]', 'freezegun')\n"
            "def docs(session):\n    session.install('sphinx')\n",
        },
    )
    declared = read_declared(tree)
    assert declared.requirements == ("attrs", "mock")
    assert declared.runners == ("responses", "idna", "freezegun")


def test_an_own_table_says_the_root(tmp_path: Path) -> None:
    tree = write(
        tmp_path, {"backend/pyproject.toml": "[tool.nightcrew]\nprotect = ['x']\n", "backend/a/b.py": ""}
    )
    assert read_target(tree, "backend/a/b.py").root == "backend"
    assert read_target(tree, "other.py").root == ""
    write(tree, {"nightcrew.toml": 'root = "backend"\n'})
    assert read_target(tree, None).root == "backend"
