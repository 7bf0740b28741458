"""What a setup.py declares, as far as its own statements put literals together."""

from pathlib import Path

import pytest

from nightcrew.execution.environments.setup_script import setup_arguments

SCRIPT = """\
import setuptools

BASE = ["six"]
EXTRAS = {"docs": ["sphinx"], "plain": ["pytest", *BASE]}
EXTRAS["plain"].extend(["hypothesis"])
EXTRAS["tests"] = EXTRAS["plain"] + ["mock"]
EXTRAS["all"] = sum(EXTRAS.values(), [])
BASE += [read("more.txt"), "idna"]
if __name__ == "__main__":
    setuptools.setup(name="shop" + "ping", install_requires=BASE, extras_require=EXTRAS, test=run())
"""


def test_lists_that_are_put_together_are_known(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(SCRIPT)
    found = setup_arguments(tmp_path)
    assert (found["name"], found["install_requires"]) == ("shopping", ["six", None, "idna"])
    assert found["extras_require"] == {
        "docs": ["sphinx"],
        "plain": ["pytest", "six", "hypothesis"],
        "tests": ["pytest", "six", "hypothesis", "mock"],
        "all": None,
    }


@pytest.mark.parametrize("line", ["x += x", "x = x + x", "x.extend(x)", "x = [x, x]"])
def test_a_list_that_doubles_has_an_end(tmp_path: Path, line: str) -> None:
    doubled = "\n".join(["x = ['a']", *[line] * 200, "setup(install_requires=x)"])
    (tmp_path / "setup.py").write_text(doubled)
    found = setup_arguments(tmp_path)["install_requires"]
    assert found is None or (isinstance(found, list) and len(found) <= 10_000)


def test_requirements_that_depend_on_the_python_leave_the_others_known(tmp_path: Path) -> None:
    lines = "['six'] + (['enum34'] if sys.version_info < (3, 4) else [])"
    (tmp_path / "setup.py").write_text(f"setup(install_requires={lines})\n")
    assert setup_arguments(tmp_path)["install_requires"] == ["six"]


def test_arguments_that_a_table_gives_are_known(tmp_path: Path) -> None:
    script = 'GIVEN = dict(name="shop", install_requires=["six"])\nsetuptools.setup(version="1", **GIVEN)\n'
    (tmp_path / "setup.py").write_text(script)
    assert setup_arguments(tmp_path) == {"version": "1", "name": "shop", "install_requires": ["six"]}
