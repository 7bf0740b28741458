"""Which changes of configuration decide a verdict, and which only a person can judge."""

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.settings_files import Role, role_of

PYPROJECT = """\
[project]
name = "shop"
version = "1"
dependencies = ["six"]

[tool.pytest.ini_options]
addopts = "-q"
"""
SETUP = "[metadata]\nname = shop\nversion = 1\n\n[tool:pytest]\naddopts = -q\n"
SCRIPT = (
    'from setuptools import setup\n\nsetup(name="shop", classifiers=["A", "B"], install_requires=["six"])\n'
)


@pytest.mark.parametrize(
    ("path", "before", "after", "role"),
    [
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace('"1"', '"2"'), Role.HARMLESS),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("six", "seven"), Role.CONFIGURES),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("-q", "-k nothing"), Role.DECIDES),
        ("pyproject.toml", PYPROJECT, PYPROJECT + "[tool.coverage.run]\nomit = ['*']\n", Role.DECIDES),
        ("pyproject.toml", PYPROJECT, PYPROJECT + "[tool.ruff]\nline-length = 99\n", Role.CONFIGURES),
        ("pyproject.toml", PYPROJECT, "no toml [", Role.DECIDES),
        ("setup.cfg", SETUP, SETUP.replace("= 1", "= 2"), Role.HARMLESS),
        ("setup.cfg", SETUP, SETUP.replace("-q", "-k nothing"), Role.DECIDES),
        ("setup.py", SCRIPT, SCRIPT.replace(', "B"', ""), Role.HARMLESS),
        ("setup.py", SCRIPT, SCRIPT.replace('"B"', "system('id')"), Role.CONFIGURES),
        ("setup.py", SCRIPT, SCRIPT.replace('"six"', '"seven"'), Role.CONFIGURES),
        ("setup.py", SCRIPT, f"import os\n{SCRIPT}", Role.CONFIGURES),
        ("setup.py", None, SCRIPT, Role.CONFIGURES),
        ("tox.ini", "[tox]\nenvlist = a\n", "[tox]\nenvlist = b\n", Role.CONFIGURES),
        ("tox.ini", None, "[pytest]\naddopts = -k nothing\n", Role.DECIDES),
        ("pytest.ini", None, "[pytest]\n", Role.DECIDES),
        ("sitecustomize.py", None, "", Role.DECIDES),
        ("src/fast.so", None, "x", Role.DECIDES),
        (".github/workflows/ci.yml", "a", "b", Role.CONFIGURES),
        ("requirements-dev.txt", "a", "b", Role.CONFIGURES),
        ("poetry.lock", "a", "b", Role.CONFIGURES),
        ("CHANGELOG.md", "a", "b", Role.HARMLESS),
        ("src/shop/_version.py", "a", "b", Role.HARMLESS),
        ("docs/index.rst", "a", "b", Role.HARMLESS),
    ],
)
def test_what_a_change_of_configuration_touches(
    path: str, before: str | None, after: str, role: Role
) -> None:
    assert role_of(Change(path, before, after)) is role
