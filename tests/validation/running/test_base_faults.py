# ruff: noqa: E501
"""What base cannot do is not held against a change: it is named, with a setting that was tried."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.static import Static
from nightcrew.validation.running.version_files import write_version_files
from nightcrew.validation.verdict import GateOutcome, VerdictKind
from tests.validation.house import FILES, GOOD_TEST, PRICES, make_house

TARGET = "src/shop/prices.py"
BROKEN = PRICES.replace("if total >= LIMIT", "if total > LIMIT")
FIXTURE = "import os\n\nimport pytest\n\n\n@pytest.fixture(autouse=True)\ndef mode():\n    assert os.environ['SHOP_MODE']\n"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tests/conftest.py": FIXTURE}, ["SHOP_MODE is not set", 'SHOP_MODE = "test"` in nightcrew.toml it runs (tried)']),
        ({"nightcrew.toml": 'test = "pytest --ignore tests"\n'}, ["collects no test on base", "--ignore tests"]),
        ({"tests/test_old.py": "import no_such_thing_here\n\n\ndef test_x():\n    pass\n"}, ["the module no_such_thing_here is missing"]),
    ],
)  # fmt: skip
def test_what_base_lacks_is_named(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, more: dict[str, str], says: list[str]
) -> None:
    files = {
        TARGET: BROKEN,
        "src/shop/__init__.py": "",
        "tests/test_old.py": "def test_old():\n    assert 1 + 1 == 2\n",
    }
    house = make_house(tmp_path / "repo", settings, sandbox, {**files, **more})
    change: dict[str, str | None] = {TARGET: PRICES, "tests/test_prices.py": GOOD_TEST}
    verdict = house.judge(change, TaskType.BUG_FIX, TARGET)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE, verdict.summary
    for one in says:
        assert one in verdict.feedback


@pytest.mark.parametrize(("ending", "kind"), [(1, VerdictKind.ACCEPTED), (5, VerdictKind.NOT_MEASURABLE)])
def test_tests_that_end_their_process_are_left_out_or_named(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, ending: int, kind: VerdictKind
) -> None:
    ends = "".join(f"def test_end_{n}():\n    os._exit(0)\n\n\n" for n in range(ending))
    old = {"tests/test_early.py": f"import os\n\n\n{ends}def test_old():\n    assert 1 + 1 == 2\n"}
    base = {**FILES, TARGET: BROKEN, **old}
    house = make_house(tmp_path / "repo", settings, sandbox, base)
    change: dict[str, str | None] = {TARGET: PRICES, "tests/test_prices.py": GOOD_TEST}
    verdict = house.judge(change, TaskType.BUG_FIX, TARGET)
    assert verdict.kind is kind, verdict.feedback or verdict.summary
    assert ("end the process that runs them" in verdict.feedback) is (ending > 3)


def test_a_fix_of_code_that_cannot_be_imported_is_judged(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    base = {**FILES, TARGET: PRICES.replace("LIMIT =", "LIMIT_ ="), "tests/test_prices.py": GOOD_TEST}
    verdict = make_house(tmp_path / "repo", settings, sandbox, base).judge(
        {TARGET: PRICES}, TaskType.BUG_FIX, TARGET
    )
    assert "cannot be run on base" not in verdict.feedback


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[tool.setuptools_scm]\nwrite_to = "src/shop/_version.py"\n', "src/shop/_version.py"),
        ('[tool.hatch.build.hooks.vcs]\nversion-file = "src/shop/version.py"\n', "src/shop/version.py"),
        ('[tool.pdm.version]\nwrite_to = "src/shop/VERSION"\n', "src/shop/VERSION"),
    ],
)
def test_version_files_that_a_build_would_write_are_there(tmp_path: Path, text: str, path: str) -> None:
    (tmp_path / "src/shop").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(text)
    assert write_version_files(tmp_path, "") == (path,)
    assert "0.0.0" in (tmp_path / path).read_text()
    (tmp_path / path).write_text("mine")
    assert write_version_files(tmp_path, "") == ()
    assert (tmp_path / path).read_text() == "mine"


@pytest.mark.parametrize(
    "written",
    ['"shop/version.py"', 'str(here / "shop" / "version.py")', 'os.path.join(here, "shop", "version.py")'],
)
def test_version_files_of_a_set_up_script_are_there(tmp_path: Path, written: str) -> None:
    (tmp_path / "shop").mkdir()
    text = f'setup(use_scm_version={{"write_to": {written}, "write_to_template": "{{version}}"}})\n'
    (tmp_path / "setup.py").write_text(text)
    assert write_version_files(tmp_path, "") == ("shop/version.py",)


def test_a_version_file_outside_of_the_tree_is_not_written(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pyproject.toml").write_text('[tool.setuptools_scm]\nwrite_to = "../stolen.py"\n')
    assert write_version_files(tree, "") == ()
    assert not (tmp_path / "stolen.py").exists()


@pytest.mark.parametrize(
    ("base", "outcome"), [("import no_such_thing\n", GateOutcome.NOT_MEASURABLE), ("", GateOutcome.FAIL)]
)
def test_what_base_imports_too_and_nothing_installs_is_not_the_changes_fault(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, base: str, outcome: GateOutcome
) -> None:
    house = make_house(tmp_path / "repo", settings, sandbox, FILES | {"tests/conftest.py": base})
    change = {
        "tests/test_new.py": "import no_such_thing\n\n\ndef test_x():\n    assert no_such_thing.x == 1\n"
    }
    assert house.ask(Static(), change, house.task(TaskType.UNIT_TEST, TARGET)).outcome is outcome


@pytest.mark.parametrize("others", ["old", "other"])
def test_tests_that_crash_as_all_of_their_file_do_on_base_show_nothing(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, others: str
) -> None:
    ails = "import collections\n\n\ndef test_{name}():\n    assert collections.Callable\n"
    old = {"tests/test_old.py": "".join(ails.format(name=one) for one in (1, 2)), **FILES, TARGET: BROKEN}
    house = make_house(tmp_path / "repo", settings, sandbox, old)
    path = f"tests/test_{others}.py"
    change: dict[str, str | None] = {TARGET: PRICES, path: old.get(path, "") + ails.format(name="new")}
    verdict = house.judge(change, TaskType.BUG_FIX, TARGET)
    kind = VerdictKind.NOT_MEASURABLE if others == "old" else VerdictKind.REJECTED
    assert verdict.kind is kind, verdict.feedback
