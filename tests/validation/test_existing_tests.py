"""A fix that edits existing tests, judged whole."""

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.gates.existing_tests import ExistingTests
from nightcrew.validation.verdict import GateOutcome, GateResult, Severity, VerdictKind
from tests.validation.house import FILES, NAMES, TEST_NAMES, House, make_house

FIXED = NAMES.replace("part[0].upper()", "part[0].upper() + '.'")
BUG = 'assert initials("ada lovelace") == "AL"'
RIGHT = 'assert initials("ada lovelace") == "A.L."'
SHOUT = "from shop.names import shout\n\n\ndef test_shout():\n    assert shout('a') == 'A!'\n"


def judge(house: House, tests: dict[str, str | None], names: str = FIXED) -> tuple[VerdictKind, GateResult]:
    files: dict[str, str | None] = {"src/shop/names.py": names, **tests}
    verdict = house.judge(files, TaskType.BUG_FIX, "src/shop/names.py", description="initials want dots")
    gate = next((one for one in verdict.gates if one.name == "existing_tests"), verdict.gates[-1])
    return verdict.kind, gate


def test_an_expectation_that_held_the_bug_is_a_persons(house: House) -> None:
    kind, gate = judge(house, {"tests/test_names.py": TEST_NAMES.replace(BUG, RIGHT)})
    assert (kind, gate.outcome) == (VerdictKind.NOT_MEASURABLE, GateOutcome.ASKS)
    (finding,) = gate.findings
    assert finding.severity is Severity.PERSON
    assert (BUG.split("==")[1].strip().strip('"') in finding.before, "A.L." in finding.after) == (True, True)


LISTED = "import shop.names\n\nALL = ['initials', 'shout']\n\n\ndef test_all():\n"
LISTED += "    names = {one for one in vars(shop.names) if one[0] != '_'}\n    assert names == set(ALL)\n"


@pytest.mark.parametrize(
    ("more", "entry", "outcome"),
    [
        ("def murmur(name):\n    return name.lower()\n", "murmur", GateOutcome.PASS),
        # One result too many, and a test that is bent to it:
        ("globals()['stray'] = 1\n", "stray", GateOutcome.ASKS),
    ],
)
def test_a_list_of_what_there_is_may_grow_by_what_the_change_adds(
    house: House, more: str, entry: str, outcome: GateOutcome
) -> None:
    files = FILES | {"tests/test_all.py": LISTED}
    other = make_house(house.repo.parent / entry, house.settings, house.sandbox, files)
    tests = LISTED.replace("'initials', ", f"'initials', {entry!r}, ")
    change = {"src/shop/names.py": f"{NAMES}\n\n{more}", "tests/test_all.py": tests}
    task = other.task(TaskType.CODE_GENERATION, "src/shop/names.py")
    assert other.ask(ExistingTests(), change, task).outcome is outcome


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            TEST_NAMES.replace(BUG, RIGHT).replace('initials("") == ""', 'initials("") is not None'),
            "lets more",
        ),
        (TEST_NAMES.replace(BUG, RIGHT).replace('initials("") == ""', 'initials("")'), "lets more pass"),
        (TEST_NAMES.replace(BUG, f"return\n    {RIGHT}"), "can fail"),
        ("import pytest\n" + TEST_NAMES.replace("def test_i", "@pytest.mark.skip\ndef test_i", 1), "skipped"),
    ],
)
def test_less_is_refused(house: House, edit: str, words: str) -> None:
    more = {"tests/test_more.py": f"from shop.names import initials\n\n\ndef test_dots():\n    {RIGHT}\n"}
    kind, gate = judge(house, {"tests/test_names.py": edit, **more})
    assert kind is VerdictKind.REJECTED
    assert gate.name != "existing_tests" or words in gate.message, gate.message


def test_stronger_moved_and_renamed_is_fine(house: House) -> None:
    names = FIXED.replace(" + '.'", "").replace("name.split()", 'name.replace("-", " ").split()')
    moved = TEST_NAMES.replace("test_initials_of_nothing", "test_nothing").replace(
        BUG, f'assert initials("ada-b c") == "ABC"\n    {BUG}'
    )
    kind, gate = judge(house, {"tests/test_names.py": None, "tests/unit/test_names.py": moved}, names)
    assert (kind, gate.outcome) == (VerdictKind.ACCEPTED, GateOutcome.PASS), gate.message


def test_a_test_that_is_gone_is_never_passed_over(house: House) -> None:
    verdict = house.judge(
        {"tests/test_names.py": None, "tests/test_more.py": SHOUT}, target="src/shop/names.py"
    )
    assert verdict.kind is not VerdictKind.ACCEPTED
    assert "test_initials" in verdict.summary


def test_ids_that_change_from_run_to_run_are_one_test(house: House) -> None:
    named = "import pytest, uuid\nfrom shop.names import initials\n\n\n"
    named += "@pytest.mark.parametrize('name', [str(uuid.uuid1())])\n"
    named += "def test_any(name):\n    assert initials(name) == name[0].upper()\n"
    files = FILES | {"tests/test_any.py": named}
    other = make_house(house.repo.parent / "any", house.settings, house.sandbox, files)
    names = NAMES.replace("name.split()", 'name.replace("_", " ").split()')
    more = named + f"\n\ndef test_split():\n    assert initials('a_b') == 'AB'\n    {BUG}\n"
    edited = more.replace(
        "    assert initials(name)", "    assert initials('x') == 'X'\n    assert initials(name)"
    )
    kind, gate = judge(other, {"tests/test_any.py": edited}, names)
    assert (kind, gate.outcome) == (VerdictKind.ACCEPTED, GateOutcome.PASS), gate.message
