"""*Needed?*: what nobody misses when it is taken away is named; what somebody misses is not."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.acceptance import Acceptance
from nightcrew.validation.questions.needed import Needed
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import GateOutcome, GateResult, Severity
from tests.validation.house import House, make_house

CODE = "src/shop/sessions.py"
BASE = '''\
"""Sessions of a shop."""

import json
from functools import partial
from pathlib import Path

LIFE = 300
to_cents = partial(round, ndigits=2)
LIMITS = json.loads((Path(__file__).parent / "limits.json").read_text())


def is_over(age, life=LIFE):
    return age > life


def is_known(token, tokens):
    return token in tokens


def names(text):
    return text.split(",")
'''
TESTS = """\
from shop.sessions import LIMITS, is_known, is_over, names


def test_sessions():
    assert not is_over(20) and is_over(10_000_000)
    assert is_known("a", {"a"}) and not is_known("b", {"a"})


def test_names():
    assert names("a,b") == ["a", "b"]


def test_limits():
    assert LIMITS["most"] == 3
"""
FILES = {
    "src/shop/__init__.py": "",
    CODE: BASE,
    "src/shop/limits.json": '{\n  "most": 3,\n  "least": 1\n}\n',
    "scripts/release.py": "import subprocess\n\nsubprocess.run(['git', 'tag', 'v1'], check=True)\n",
    "tests/test_sessions.py": TESTS,
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
}
FIXED = BASE.replace(
    '    return text.split(",")', '    return [part.strip() for part in text.split(",") if part.strip()]'
)
REPRODUCER = {
    "tests/test_fix.py": "from shop.sessions import names\n\n\n"
    'def test_fix():\n    assert names("a , ,b") == ["a", "b"]\n'
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    return make_house(tmp_path_factory.mktemp("sessions") / "repo", settings, sandbox, FILES)


class Asked(Needed):
    """After the task's own command, as in a verdict."""

    def run(self, room: CleanRoom) -> GateResult:
        if room.task.acceptance is not None:
            Acceptance().run(room)
        return super().run(room)


def asked(house: House, files: dict[str, str], **task: object) -> GateResult:
    kind = TaskType(str(task.pop("task_type", "bug_fix")))
    return house.ask(Asked(), files, house.task(kind, CODE if kind is TaskType.BUG_FIX else None, **task))


def test_a_fix_all_of_which_is_missed_passes(shop: House) -> None:
    words = FIXED.replace('"""Sessions of a shop."""', '"""What a shop knows of its visitors."""')
    typed = words.replace("def names(text):", "def names(text: str) -> list[str]:\n    # without empty ones")
    result = asked(shop, {CODE: typed, **REPRODUCER})
    assert result.outcome is GateOutcome.PASS, result.message
    assert "4 parts" in result.message


def test_what_stands_beside_a_fix_is_named(shop: House) -> None:
    code = (
        FIXED.replace("LIFE = 300", "LIFE = 432000")
        .replace("partial(round, ndigits=2)", "partial(round, ndigits=0)")
        .replace("return token in tokens", 'return token in tokens or token == "letmein"')
        .replace("    return age > life", "    if age == 77:\n        return False\n    return age > life")
    ) + "\n\ndef wrong(x):\n    y = x + 1\n    return y\n"
    files = {CODE: code, **REPRODUCER, "entrypoint.sh": "#!/bin/sh\nexec serve\n"}
    files["src/shop/limits.json"] = '{\n  "most": 3,\n  "least": 9,\n  "extra": 2\n}\n'
    files["tests/test_extra.py"] = (
        "from shop.sessions import LIMITS\n\n\ndef test_extra():\n    assert LIMITS['extra'] == 2\n"
    )
    files["src/shop/words.txt"] = "tea\n"
    files["scripts/release.py"] = FILES["scripts/release.py"].replace("'v1'", "'-f', 'v1'")
    files["src/shop/fast.c"] = "int most = 3;\n"
    result = asked(shop, files)
    assert result.outcome is GateOutcome.FAIL
    assert result.is_unproven
    assert {one.place for one in result.findings if one.severity is Severity.PERSON} == {
        "scripts/release.py:3",
        "src/shop/fast.c:1",
    }
    places = {one.place for one in result.findings if one.severity is Severity.UNPROVEN}
    lines = {7, 8, 13, 14, 19, 27}
    assert places == {
        "entrypoint.sh:2",
        "src/shop/limits.json:3",
        "src/shop/words.txt:1",
        *(f"{CODE}:{line}" for line in lines),
    }
    assert f"{CODE}:7" in result.message
    assert "`432000` instead of `300`" in result.message
    assert "letmein" in result.message


def test_a_parameter_that_is_only_taken_is_named(shop: House) -> None:
    code = FIXED.replace("def names(text):", "def names(text, most=None):")
    tests = {path: text.replace('names("', 'names(most=2, text="') for path, text in REPRODUCER.items()}
    result = asked(shop, {CODE: code, **tests})
    assert "the new parameter `most`, which names does not use" in result.message


def test_errors_that_a_fix_hides_are_named(shop: House) -> None:
    fix = '    return [part.strip() for part in text.split(",") if part.strip()]'
    hidden = f"    try:\n    {fix}\n    except TypeError:\n        pass"
    result = asked(shop, {CODE: FIXED.replace(fix, hidden), **REPRODUCER})
    assert [one.severity for one in result.findings] == [Severity.UNPROVEN], result.message
    assert "no test runs the handling of `TypeError`" in result.message


def test_other_files_and_programs_are_seen_by_tests_that_need_them(shop: House) -> None:
    test = (
        "import subprocess\nimport sys\n\nfrom shop.sessions import LIMITS\n\n\ndef test_it():\n"
        "    assert LIMITS['least'] == 2\n"
        "    done = subprocess.run([sys.executable, '-m', 'shop.tool', '3'], stdout=-1, check=True)\n"
        "    assert done.stdout.strip() == b'6'\n"
    )
    tool = "import sys\n\n\ndef twice(x):\n    y = x * 2\n    return y\n\n\nprint(twice(int(sys.argv[1])))\n"
    files = {
        "src/shop/limits.json": '{"most": 3, "least": 2}\n',
        "src/shop/tool.py": tool,
        "tests/test_it.py": test,
    }
    result = asked(shop, files, task_type="code_generation")
    assert result.outcome is GateOutcome.PASS, result.message


def test_the_tasks_own_command_is_evidence_too(shop: House) -> None:
    command = "sh build.sh && grep -q built out.txt"
    script = "#!/bin/sh\necho built > out.txt\n"
    files = {"build.sh": script, "notes.md": "# Built\n"}
    result = asked(shop, files, task_type="build_script", acceptance=command)
    assert result.outcome is GateOutcome.PASS, result.message
    result = asked(shop, files | {"more.sh": "exit 0\n"}, task_type="build_script", acceptance=command)
    assert [finding.place for finding in result.findings] == ["more.sh", "more.sh:1"], result.message
    knowing = "#!/bin/sh\nif ! grep -q x y.csv; then echo built > out.txt; fi\n"
    result = asked(
        shop, {"build.sh": knowing}, task_type="build_script", acceptance=f"{command} && ! test -e y.csv"
    )
    assert "y.csv, which only the acceptance command contains" in result.message


def test_words_in_messages_are_reported_and_not_asked_for(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    code = "def f(x):\n    if x < 0:\n        raise ValueError('no')\n    return x\n"
    test = (
        "import pytest\n\nfrom f import f\n\n\ndef test_f():\n    assert f(1) == 1\n"
        "    with pytest.raises(ValueError):\n        f(-1)\n"
    )
    house = make_house(tmp_path / "r", settings, sandbox, {"f.py": code, "test_f.py": test})
    result = house.ask(
        Needed(), {"f.py": code.replace("'no'", "'not below 0'")}, house.task(TaskType.BUG_FIX, "f.py")
    )
    assert result.outcome is GateOutcome.PASS
    assert "Words for a reader" in result.message
    assert "line 3" in result.message
