# ruff: noqa: E501
"""Whole verdicts: real git, real sandbox, real pytest; one change each."""

import json
import re
from pathlib import Path

import pytest

from nightcrew.execution.executors.briefing import _RULES
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.acceptance import Acceptance
from nightcrew.validation.gates.analysis import FORM
from nightcrew.validation.gates.behaviour import Behaviour
from nightcrew.validation.result_validator import ResultValidator, keep_verdict, verdict_json
from nightcrew.validation.scoring import conclude
from nightcrew.validation.verdict import GateOutcome, Verdict, VerdictKind
from tests.validation.house import FILES, GOOD_TEST, NAMES, PRICES, TEST_NAMES, House, last_gate, make_house

TEST = "tests/test_prices.py"
TARGET = "src/shop/prices.py"
STRIPPED = GOOD_TEST.replace(
    "assert discount(amount, member) == percent", "discount(amount, member)"
).replace("assert parse_price(text) == cents", "parse_price(text)")


def rejected_by(verdict: Verdict) -> str:
    assert verdict.kind is VerdictKind.REJECTED, verdict.summary
    assert verdict.feedback
    return last_gate(verdict).name


@pytest.fixture(scope="module")
def good(house: House, tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    """The verdict on the good tests."""
    kept = tmp_path_factory.mktemp("kept")
    validator, task = ResultValidator(house.settings, house.sandbox), house.task(TaskType.UNIT_TEST, TARGET)
    return validator.judge(task, house.patch({TEST: GOOD_TEST}), commit=house.commit, evidence=kept)


def test_real_tests_are_accepted_with_the_evidence_kept(house: House, good: Verdict, tmp_path: Path) -> None:
    assert good.kind is VerdictKind.ACCEPTED, good.summary
    assert 0.7 < good.score <= 1
    assert good.sandbox == "bubblewrap"
    shown = verdict_json(good)
    assert set(shown) == {"verdict", "score", "gates", "asks", "not_reached", "environment_built_from"}
    assert {"name", "outcome", "evidence", "message", "hint", "findings"} == set(shown["gates"][0])
    patch = house.patch({TEST: GOOD_TEST})
    keep_verdict(tmp_path / "kept", patch, good)
    assert json.loads((tmp_path / "kept" / "verdict.json").read_text())["verdict"] == "accepted"
    assert (tmp_path / "kept" / "patch.diff").read_text() == patch
    assert list(house.settings.work_dir.iterdir()) == []


def test_the_same_input_gives_the_same_verdict_bit_for_bit(house: House, good: Verdict) -> None:
    first, second = (verdict_json(one) for one in (good, house.judge({TEST: GOOD_TEST})))
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def test_the_originals_inversion_is_put_right(house: House, good: Verdict) -> None:
    """Ten tests whose asserts cannot fail scored 100 there, four with exact values 56; both cover everything."""
    vacuous = "from shop.prices import discount, parse_price, total\n\n\n" + "\n\n".join(
        f"def test_edge_error_case_{index}():\n    assert discount({index}, True) == 0 or True\n"
        f"    assert parse_price('{index}.50') or True\n    assert total(['1']) or True\n    assert True\n"
        for index in range(10)
    )
    bad = house.judge({TEST: vacuous})
    assert (bad.kind, good.kind) == (VerdictKind.REJECTED, VerdictKind.ACCEPTED)
    assert bad.score < 0.2 < 0.8 < good.score


def test_tests_of_what_is_refused_may_pass_where_nothing_comes_back(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    """No answer is a refusal here; that every refusal turned into consent would be noticed is what counts."""
    code = (
        "def is_price(text):\n    number, _, currency = text.partition(' ')\n"
        "    if currency not in ('', 'EUR'):\n        return False\n    return number.replace('.', '', 1).isdigit()\n"
    )
    head = "import pytest\n\nfrom shop.forms import is_price\n\n\n"
    taken = head + "def test_taken():\n    assert is_price('3.50')\n    assert is_price('3 EUR')\n"
    texts = ["3 USD", "x", "", "3 x", "1.2.3", "-1"]
    refused = (
        head
        + f"@pytest.mark.parametrize('text', {texts})\ndef test_refused(text):\n    assert not is_price(text)\n"
    )
    files = FILES | {"src/shop/forms.py": code, "tests/test_taken.py": taken}
    forms = make_house(tmp_path / "r", settings, sandbox, files)
    verdict = forms.judge({"tests/test_refused.py": refused}, target="src/shop/forms.py")
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary
    weak = refused.replace("assert not is_price(text)", "assert not is_price(text) is True or len(text) < 9")
    assert (
        forms.judge({"tests/test_refused.py": weak}, target="src/shop/forms.py").kind is VerdictKind.REJECTED
    )


def each_test(first: str, prelude: str = "") -> str:
    """The good tests with a statement more in one of them."""
    head, _, tail = GOOD_TEST.partition("def test_total():\n")
    return f"{prelude}\n{head}def test_total():\n    {first}\n{tail}"


WRONG = GOOD_TEST + "\n\ndef test_wrong():\n    assert discount(1, False) == 77\n"
BAD_TESTS = {
    "asserts stripped": (STRIPPED, "assertions"),
    "one that cannot fail": ("from shop.prices import *\n\n\ndef test_a():\n    assert discount(1, True) == 5\n"
        "    try:\n        assert discount(1, False) == 7\n    except AssertionError:\n        pass\n", "assertions"),
    "constant": ("from shop.prices import *\n\n\ndef test_a():\n    discount(1, True)\n    assert True\n", "assertions"),
    "or true": (GOOD_TEST.replace(" == percent", " == percent or True").replace(" == cents", " == cents or True")
                .replace(" == 350", " == 350 or True").replace(" == 0", " == 0 or True"), "assertions"),
    "itself": ("from shop.prices import *\n\n\ndef test_a():\n    assert discount(1, True) == discount(1, True)\n", "assertions"),
    "swallowed": ("from shop.prices import *\n\n\ndef test_a():\n    try:\n        assert discount(1, True) == 9\n"
                  "    except Exception:\n        pass\n", "assertions"),
    "not None": (GOOD_TEST.replace(" == percent", " is not None").replace(" == cents", " is not None")
                 .replace(" == 350", " is not None").replace(" == 0", " is not None"), "controls"),
    "types": ("from shop.prices import *\n\n\ndef test_a():\n    assert isinstance(discount(100, True), int)\n\n\n"
              "def test_b():\n    assert isinstance(parse_price('1.50'), int)\n", "mutation"),
    "over-mocked": ("from unittest import mock\n\nfrom shop import prices\n\n\ndef test_a():\n"
                    "    with mock.patch.object(prices, 'discount', return_value=3):\n"
                    "        assert prices.discount(1, True) == 3\n", "assertions"),
    "wrong target": ("from shop.names import shout\n\n\ndef test_shout():\n    assert shout('a') == 'A!'\n", "new_tests"),
    "wrong expected": (WRONG, "new_tests"),
    "skipped": ("import pytest\n\npytestmark = pytest.mark.skip\n" + GOOD_TEST, "new_tests"),
    "expected to fail": ("import pytest\n\npytestmark = pytest.mark.xfail\n" + WRONG, "new_tests"),
    "random": (each_test("assert random.random() < 0.95", "import random"), "new_tests"),
    "random by the system": (each_test("assert secrets.randbelow(12)", "import secrets"), "new_tests"),
    "order": (each_test("assert SEEN", "SEEN = []").replace("    assert discount(amount, member)", "    SEEN.append(1)\n    assert discount(amount, member)"), "new_tests"),
    "date": (each_test("assert time.time() < 1_000_000 + int(__import__('time').time())", "import time"), "accepted"),
    "time bomb": (each_test("assert time.time() < TODAY + 864000", "import time\nTODAY = 1795435200").replace("1795435200", "{now}"), "new_tests"),
    "time zone": (each_test("assert time.timezone == 0", "import time"), "new_tests"),
    "hash seed": (each_test("assert hash('night') % 3 == {hash}"), "assertions"),
    "network": (each_test("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect_ex(('192.0.2.1', 9))", "import socket"), "new_tests"),
    "exit at import": (WRONG + "\n\nimport os\nos._exit(0)\n", "tamper"),
    "hidden exit": (WRONG + "\n\nimport posix\ngetattr(posix, '_ex' + 'it')(0)\n", "tamper"),
    "exit in a test": (WRONG + "\n\ndef test_0():\n    import posix\n    getattr(posix, '_ex' + 'it')(0)\n", "tamper"),
    "sys.exit": (WRONG + "\n\nimport sys\nsys.exit(0)\n", "behaviour"),
    "hooks": (WRONG + "\n\ndef pytest_runtest_makereport(item, call):\n    call.excinfo = None\n", "tamper"),
    "plugins": ("pytest_plugins = ['shop.names']\n" + GOOD_TEST, "tamper"),
    "patches the target": ("from shop import prices\n\nprices.discount = lambda *a: 5\n\n\n"
                           "def test_a():\n    assert prices.discount(1, True) == 5\n", "tamper"),
    "the runner's own plugin": ("pytest_plugins = ['pytester']\n" + GOOD_TEST, "accepted"),
    "one without a check": (GOOD_TEST.replace("    assert total([]) == 0\n", "\n\ndef test_total_of_a_tuple():\n    total(('1',))\n"), "controls"),
    "many times the same case": (GOOD_TEST + "\n\nCASES = [(100, False, 10) for _ in range(60)]\n\n\n@pytest.mark.parametrize(('a', 'm', 'p'), CASES)\ndef test_same(a, m, p):\n    assert discount(a, m) == p\n", "new_tests"),
    "a stand-in for the target": (GOOD_TEST + "\n\ndef test_mocked():\n    from unittest import mock\n\n    from shop import prices\n\n    with mock.patch.object(prices, 'discount', return_value=7):\n        assert prices.discount(1, True) == 7\n", "new_tests"),
    "a switch for all that follow": ("import logging\noff = logging.disable\noff(50)\n" + GOOD_TEST, "new_tests"),
    "syntax": (GOOD_TEST + "\ndef test_x(:\n    pass\n", "static"),
    "no such package": ("import pytest_does_not_exist\n" + GOOD_TEST, "static"),
    "no such name": ("from shop.prices import rebate\n" + GOOD_TEST, "new_tests"),
    "secret": (f"TOKEN = 'gh{'p_'}a8Fk29sLq0ZxTb71VmNcRw4Yd6HjUe35GoPi'\n" + GOOD_TEST, "scope"),
    "enormous": (GOOD_TEST + "\n" * 9_000, "scope"),
    "copy of the implementation": ("def reference(text):\n" + PRICES.split("def parse_price(text: str) -> int:\n")[1].split("\n\n\ndef")[0]
                                   + "\n\n\ndef test_a():\n    assert reference('1.50') == 150\n", "assertions"),
    "reads the source": ("import inspect\n\nfrom shop import prices\n\n\ndef test_a():\n"
                         "    assert len(inspect.getsource(prices)) > 100\n", "assertions"),
    "an idle one beside good ones": (GOOD_TEST + "\n\ndef test_nothing():\n    try:\n        discount(1, True)\n    except Exception:\n        pass\n", "controls"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_TESTS)
def test_a_bad_test_file(house: House, kind: str) -> None:
    text, gate = BAD_TESTS[kind]
    text = text.replace("{now}", str(int(__import__("time").time()))).replace(
        "{hash}", str(_hash_under_seed_zero("night"))
    )
    verdict = house.judge({TEST: text})
    if gate == "accepted":
        assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary
    else:
        assert rejected_by(verdict) == gate, verdict.summary


def _hash_under_seed_zero(text: str) -> int:
    import subprocess
    import sys

    command = [sys.executable, "-c", f"print(hash({text!r}) % 3)"]
    return int(subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True).stdout)


@pytest.mark.parametrize(
    ("files", "gate"),
    [
        ({"tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"}, "tamper"),
        ({"pytest.ini": "[pytest]\naddopts = -k nothing\n"}, "scope"),
        ({"sitecustomize.py": "import os\n"}, "scope"),
        ({"quiet.pth": "import os\n"}, "scope"),
        ({".coveragerc": "[run]\nomit = *\n"}, "scope"),
        ({"pyproject.toml": '[project]\nname = "shop"\nversion = "2"\n'}, "scope"),
        ({TEST: GOOD_TEST, "tests/test_sum.py": "def test_sum():\n    assert sum([1, 2]) == 3\n"}, "new_tests"),
        ({"tests/json.py": "def loads(text):\n    return 1\n"}, "scope"),
        ({"tests/shop.py": "x = 1\n"}, "scope"),
        ({".githooks/pre-commit": "exit 0\n"}, "scope"),
        ({TARGET: PRICES.replace("100", "0")}, "scope"),
        ({"tests/test_names.py": FILES["tests/test_names.py"].replace('== "AL"', "is not None")}, "existing_tests"),
        ({"tests/test_names.py": "import pytest\npytestmark = pytest.mark.skip\n" + FILES["tests/test_names.py"]}, "behaviour"),
        ({"tests/test_names.py": FILES["tests/test_names.py"] + "\n\ndef test_initials():\n    pass\n"}, "existing_tests"),
        ({"tests/test_names.py": FILES["tests/test_names.py"] + "\ntest_initials = None\n"}, "behaviour"),
    ],
)  # fmt: skip
def test_what_judges_may_not_be_touched(house: House, files: dict[str, str | None], gate: str) -> None:
    assert rejected_by(house.judge({TEST: GOOD_TEST, **files})) == gate


def test_tests_may_be_added_to_an_existing_file(house: House) -> None:
    more = FILES["tests/test_names.py"].replace("import initials", "import initials, shout") + (
        "\n\ndef test_shout():\n    assert shout('ada') == 'ADA!'\n\n\ndef test_shout_nothing():\n    assert shout('') == '!'\n"
    )
    verdict = house.judge({"tests/test_names.py": more}, target="src/shop/names.py")
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


def test_tests_that_look_only_for_parts_have_to_know_the_whole(house: House) -> None:
    checks = ["'ADA' in shout('ada')", "shout('bob').startswith('BOB')", "'A' in initials('a l')", "'L' in initials('a l')"]  # fmt: skip
    tests = "".join(f"\n\ndef test_{index}():\n    assert {one}\n" for index, one in enumerate(checks))
    text = f"from shop.names import initials, shout\n{tests}"
    verdict = house.judge({"tests/test_more_names.py": text}, target="src/shop/names.py")
    assert verdict.kind is VerdictKind.REJECTED
    assert "one more letter" in verdict.feedback


def test_a_file_pytest_does_not_collect_is_no_test(house: House) -> None:
    assert rejected_by(house.judge({"tests/checks_of_prices.py": GOOD_TEST})) == "new_tests"


def test_tests_that_add_nothing_are_rejected(tmp_path: Path, settings: Settings, sandbox: Sandbox) -> None:
    full = make_house(tmp_path / "full", settings, sandbox, FILES | {TEST: GOOD_TEST})
    again = GOOD_TEST.replace("def test_", "def test_again_")
    assert rejected_by(full.judge({"tests/test_prices_again.py": again})) == "mutation"


def test_a_score_below_the_threshold_is_rejected_with_that_reason(house: House, good: Verdict) -> None:
    task, names = (
        house.task(TaskType.UNIT_TEST, TARGET, quality_threshold=1.0),
        [one.name for one in good.gates],
    )
    verdict = conclude(task, good.gates, names, "bubblewrap")
    assert verdict.kind is VerdictKind.REJECTED
    assert "below the threshold 1.00" in verdict.feedback
    assert "not noticed" in verdict.feedback


def test_a_target_without_code_is_not_measurable(house: House) -> None:
    verdict = house.judge({"tests/test_nothing.py": GOOD_TEST}, target="src/shop/__init__.py")
    assert verdict.kind is not VerdictKind.ACCEPTED


def test_an_environment_that_cannot_be_built_is_our_fault(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    broken = FILES | {"nightcrew.toml": 'setup = "exit 3"\n'}
    verdict = make_house(tmp_path / "broken", settings, sandbox, broken).judge({TEST: GOOD_TEST})
    assert verdict.kind is VerdictKind.INFRASTRUCTURE_FAULT
    assert verdict.score == 0


# -- bug fixes ---------------------------------------------------------------------------------------------

BROKEN = PRICES.replace("if total >= LIMIT", "if total > LIMIT")
REPRODUCER = "from shop.prices import discount\n\n\ndef test_the_limit_itself():\n    assert discount(100, False) == 10\n"


@pytest.fixture(scope="module")
def buggy(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    return make_house(tmp_path_factory.mktemp("buggy") / "r", settings, sandbox, FILES | {TARGET: BROKEN})


def test_a_fix_with_a_reproducer_is_accepted(buggy: House) -> None:
    verdict = buggy.judge({TARGET: PRICES, "tests/test_limit.py": REPRODUCER}, TaskType.BUG_FIX)
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


def test_a_reproducer_that_cannot_go_on_with_what_the_broken_code_gives_is_accepted(buggy: House) -> None:
    """On base it fails in the test itself: `None` has no `bit_length`."""
    fixed = PRICES.replace(
        "    return result\n",
        "    return result\n\n\ndef last(prices: list[str]) -> int:\n    return total(prices[-1:])\n",
    )
    broken = fixed.replace("    return total(prices[-1:])", "    total(prices[-1:])")
    crashing = "from shop.prices import last\n\n\ndef test_last():\n    assert last(['1', '2']).bit_length() == 8\n    assert last(['1', '2']) == 200\n"
    house = make_house(buggy.repo.parent / "none", buggy.settings, buggy.sandbox, FILES | {TARGET: broken})
    verdict = house.judge({TARGET: fixed, "tests/test_last.py": crashing}, TaskType.BUG_FIX)
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


@pytest.mark.parametrize(
    ("files", "gate", "word"),
    [
        ({TARGET: PRICES + "\n\nMORE = 1\n", "tests/test_limit.py": "from shop import prices\n\n\ndef test_more():\n"
          "    assert prices.discount(5, False) == 0\n    assert prices.MORE == 1\n"}, "needed", "Nothing shows that this is needed"),
        ({TARGET: PRICES}, "behaviour", "No test shows the bug"),
        ({"tests/test_limit.py": REPRODUCER}, "behaviour", "none of the product"),
        ({TARGET: PRICES, "tests/test_limit.py": REPRODUCER.replace("100", "200")}, "behaviour", "passes on base too"),
        ({TARGET: PRICES, "tests/test_limit.py": REPRODUCER.replace("== 10", "== 11")}, "behaviour", "does not pass"),
        ({TARGET: PRICES + "\n\ndef more():\n    return 1\n", "tests/test_limit.py":
          "from shop.prices import more\n\n\ndef test_more():\n    assert more() == 1\n"}, "behaviour", "collected on base"),
        ({TARGET: BROKEN.replace("    percent = 0\n", "    percent = 0\n    if total == 100:\n        return 10\n"),
          "tests/test_limit.py": REPRODUCER}, "extent", "the tests' own 100"),
        ({TARGET: PRICES + "\nimport sys\nFAST = 'pytest' in sys.modules\n", "tests/test_limit.py": REPRODUCER}, "tamper", "looks at the test run"),
        ({TARGET: PRICES.replace("return percent", "return percent  # pragma: no cover"), "tests/test_limit.py": REPRODUCER}, "tamper", "hides"),
        ({TARGET: PRICES, "src/shop/names.py": NAMES.replace(".upper()", ""), "tests/test_limit.py": REPRODUCER}, "behaviour", "passed on base"),
        ({TARGET: PRICES, "tests/test_limit.py": "import inspect\n\nfrom shop import prices\n\n\ndef test_fixed():\n"
          "    assert 'total >= LIMIT' in inspect.getsource(prices)\n"}, "assertions", "looks at code"),
        ({TARGET: PRICES, "tests/test_limit.py": "from pathlib import Path\n\n\ndef test_fixed():\n"
          f"    assert 'total >= LIMIT' in Path('{TARGET}').read_text()\n"}, "new_tests", "runs no code"),
    ],
)  # fmt: skip
def test_a_bad_fix(buggy: House, files: dict[str, str | None], gate: str, word: str) -> None:
    verdict = buggy.judge(files, TaskType.BUG_FIX)
    assert rejected_by(verdict) in {gate, "needed"}, verdict.summary
    shown = next(one for one in verdict.gates if one.outcome is GateOutcome.FAIL)
    assert shown.name == gate
    assert word in shown.message


CURRENCIES = "RATES = {'EUR': 100, 'CHF': 104}\n"
USED = "from shop.rates import RATES\n\n\ndef known():\n    return sorted(RATES)\n"
MAIN = (
    PRICES
    + "\n\nif __name__ == '__main__':\n    import sys\n\n    print(discount(int(sys.argv[1]), False))\n"
)
STARTED = """\
import subprocess
import sys


def test_the_limit_itself():
    done = subprocess.run([sys.executable, "-m", "shop.prices", "100"], capture_output=True, text=True)
    assert done.stdout == "10\\n"
"""
NUMBERED = """\
import pytest

from shop.prices import discount


@pytest.mark.parametrize(("totals", "percent"), [([0], 0), ([101], 10), ([500, 600], 10)])
def test_discount(totals, percent):
    assert [discount(one, False) for one in totals] == [percent] * len(totals)
"""
CASES = """\
import json
from pathlib import Path

import pytest

from shop.prices import discount

CASES = json.loads((Path(__file__).parent / "cases.json").read_text())


@pytest.mark.parametrize(("total", "percent"), CASES)
def test_discount(total, percent):
    assert discount(total, False) == percent
"""


@pytest.mark.parametrize(
    ("base", "change", "target"),
    [
        pytest.param(
            {"src/shop/rates.py": CURRENCIES.replace(", 'CHF': 104", ""), "src/shop/known.py": USED},
            {"src/shop/rates.py": CURRENCIES, "tests/test_rates.py": "from shop.known import known\n\n\n"
             "def test_known():\n    assert known() == ['CHF', 'EUR']\n"},
            "src/shop/rates.py", id="a table that is read at import",
        ),
        pytest.param(
            {TARGET: MAIN.replace(PRICES, BROKEN), "tests/test_main.py": STARTED.replace("100", "0").replace("10\\", "0\\")},
            {TARGET: MAIN, "tests/test_limit.py": STARTED},
            TARGET, id="a program that the test starts",
        ),
        pytest.param(
            {TARGET: BROKEN, "tests/test_cases.py": CASES, "tests/cases.json": "[[0, 0], [101, 10]]\n"},
            {TARGET: PRICES, "tests/cases.json": "[[0, 0], [101, 10], [100, 10]]\n"}, TARGET, id="a case in a file",
        ),
        pytest.param(
            {TARGET: BROKEN, "tests/test_cases.py": NUMBERED}, {TARGET: PRICES, "tests/test_cases.py": NUMBERED.replace(
                "([101], 10)", "([100], 10), ([101], 10)")}, TARGET, id="a case among numbered ones",
        ),
    ],
)  # fmt: skip
def test_a_fix_is_shown_by_any_test_that_fails_without_it(
    tmp_path: Path,
    settings: Settings,
    sandbox: Sandbox,
    base: dict[str, str],
    change: dict[str, str | None],
    target: str,
) -> None:
    house = make_house(tmp_path / "r", settings, sandbox, FILES | base)
    verdict = house.judge(change, TaskType.BUG_FIX, target)
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


@pytest.mark.parametrize(("value", "outcome"), [("5", GateOutcome.PASS), ("len('12345')", GateOutcome.ASKS)])
def test_a_fix_whose_test_uses_a_setting_of_the_fix(buggy: House, value: str, outcome: GateOutcome) -> None:
    """Base is given a plain value, and then shows the bug; for what has to be worked out a person is asked."""
    fixed = PRICES + f"\n\nMOST = {value}\n\n\ndef repeated(price: str, times: int) -> str:\n"
    broken = fixed.replace(f"MOST = {value}\n\n\n", "") + "    return price * times\n"
    fixed += "    if times > MOST:\n        raise ValueError('too many')\n    return price * times\n"
    test = (
        "import pytest\n\nfrom shop import prices\n\n\ndef test_most():\n    assert prices.repeated('1', 2) == '11'\n"
        "    with pytest.raises(ValueError, match='too many'):\n        prices.repeated('1', prices.MOST + 1)\n"
    )
    place = buggy.repo.parent / f"most-{outcome}"
    house = make_house(place, buggy.settings, buggy.sandbox, FILES | {TARGET: broken})
    task = house.task(TaskType.BUG_FIX, TARGET)
    result = house.ask(Behaviour(), {TARGET: fixed, "tests/test_most.py": test}, task)
    assert result.outcome is outcome, result.message
    assert outcome is GateOutcome.PASS or "uses what the fix brings" in result.message


def test_a_library_that_crashes_on_what_base_makes_is_shown_to_a_person(buggy: House) -> None:
    """Nothing of the product is in that trace, so that a test may crash in the same way by itself."""
    broken = PRICES + "\n\ndef told(price: str) -> str:\n    return '{' + price\n"
    fixed = broken.replace("'{' + price", "'{' + price.replace('\\x00', '')")
    test = (
        "import json\n\nfrom shop import prices\n\n\ndef test_told():\n"
        "    assert json.loads(prices.told('\\x00}')) == {}\n"
    )
    house = make_house(buggy.repo.parent / "told", buggy.settings, buggy.sandbox, FILES | {TARGET: broken})
    task = house.task(TaskType.BUG_FIX, TARGET)
    result = house.ask(Behaviour(), {TARGET: fixed, "tests/test_told.py": test}, task)
    assert result.outcome is GateOutcome.ASKS, result.message
    assert "crashes in a library" in result.message


HANGING = {
    "does not end": "def steps(x):\n    while x != 0:\n        x -= 2\n    return x\n",
    "recurses": "def steps(x):\n    return 0 if x == 0 else steps(x - 2)\n",
    "crashes": "def steps(x):\n    return 0 if x % 2 else None.imag\n",
}


@pytest.mark.parametrize("kind", HANGING)
def test_a_test_that_only_ends_with_the_fix_is_a_reproducer(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, kind: str
) -> None:
    files = {
        "steps.py": HANGING[kind],
        "test_steps.py": "def test_nothing():\n    assert 1 + 1 == int('2')\n",
    }
    house = make_house(tmp_path / "r", settings, sandbox, files)
    test = "from steps import steps\n\n\ndef test_odd():\n    steps(3)\n    steps(4)\n"
    shown = house.ask(
        Behaviour(),
        {"steps.py": "def steps(x):\n    return x % 2\n", "test_odd.py": test},
        house.task(TaskType.BUG_FIX, "steps.py"),
    )
    assert shown.outcome is GateOutcome.PASS, shown.message


# -- documentation, refactoring, analysis, code ------------------------------------------------------------

DOCUMENTED = '''\
"""Names as they are printed on labels."""


def initials(name):
    """First letters of every word in `name`, upper-cased and joined; empty for an empty text.

    >>> initials("ada lovelace")
    'AL'
    """
    return "".join(part[0].upper() for part in name.split())


def shout(name):
    """Capital letters followed by an exclamation mark, for banners.

    :param name: what is printed
    """
    return name.upper() + "!"
'''


def test_documentation_that_explains_is_accepted(house: House) -> None:
    verdict = house.judge({"src/shop/names.py": DOCUMENTED}, TaskType.DOCUMENTATION, "src/shop/names.py")
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


def test_documentation_of_what_is_not_public_counts(house: House) -> None:
    bare = NAMES + "\n\ndef _fold(text):\n    return text.casefold()\n"
    shown = bare.replace(
        "(text):\n",
        '(text):\n    """Letters without case, so that labels can be compared whatever their language."""\n',
    )
    other = make_house(
        house.repo.parent / "private", house.settings, house.sandbox, FILES | {"src/shop/names.py": bare}
    )
    verdict = other.judge({"src/shop/names.py": shown}, TaskType.DOCUMENTATION, "src/shop/names.py")
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (DOCUMENTED.replace('+ "!"', '+ "?"'), "touches code"),
        (DOCUMENTED.replace(":param name:", ":param volume:"), "'volume'"),
        (DOCUMENTED.replace("in `name`", "in `surname_parts`"), "'surname_parts'"),
        (DOCUMENTED.replace("'AL'", "'LA'"), "does not give what it says"),
        (NAMES.replace("name):\n", 'name):\n    """The name."""\n'), "say nothing"),
        (NAMES + "# lorem ipsum dolor sit amet\n", "stands where a text should"),
    ],
)
def test_bad_documentation(house: House, text: str, word: str) -> None:
    verdict = house.judge({"src/shop/names.py": text}, TaskType.DOCUMENTATION, "src/shop/names.py")
    assert rejected_by(verdict) == "documentation"
    assert word in verdict.summary


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    return make_house(tmp_path_factory.mktemp("tested") / "r", settings, sandbox, FILES | {TEST: GOOD_TEST})


SHORTER = PRICES.replace(
    "    result = 0\n    for price in prices:\n        result += parse_price(price)\n    return result\n",
    "    return sum(parse_price(price) for price in prices)\n",
)


def test_an_honest_refactoring_is_accepted(tested: House) -> None:
    verdict = tested.judge({TARGET: SHORTER}, TaskType.REFACTORING)
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        (SHORTER.replace("sum(", "max("), "behaviour"),
        (SHORTER.replace("parse_price(price) for", "parse_price(price.lstrip('-')) for"), "refactoring"),
        (PRICES.replace("# ", "#") + "\n# a comment\n", "refactoring"),
        (PRICES.replace("    result = 0\n", "    result = 0\n" + "".join(f"    if prices == {n}:\n        raise ValueError\n" for n in range(9))), "refactoring"),
    ],
)  # fmt: skip
def test_a_bad_refactoring(tested: House, text: str, gate: str) -> None:
    assert rejected_by(tested.judge({TARGET: text}, TaskType.REFACTORING)) == gate


def test_a_refactoring_that_drops_what_no_test_runs_goes_to_a_person(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    checked = PRICES.replace(
        "    whole, _, cents",
        '    if "\\n" in number:\n        raise ValueError("one line")\n    whole, _, cents',
    )
    house = make_house(tmp_path / "r", settings, sandbox, FILES | {TARGET: checked, TEST: GOOD_TEST})
    verdict = house.judge({TARGET: PRICES}, TaskType.REFACTORING)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE, verdict.summary
    assert "takes away" in verdict.summary


def test_a_refactoring_nobody_can_vouch_for_goes_to_a_person(house: House) -> None:
    verdict = house.judge({TARGET: SHORTER}, TaskType.REFACTORING)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE


def report(**finding: object) -> str:
    found = {
        "file": TARGET,
        "line": 3,
        "quote": "LIMIT = 100",
        "message": "the limit cannot be configured",
    } | finding
    return json.dumps({"findings": [found]})


def test_the_analysis_gate_reads_what_the_briefing_asks_for() -> None:
    """A model that does what the prompt asks must not be rejected for its form."""
    (asked,) = [rule for rule in _RULES[TaskType.ANALYSIS] if "findings" in rule]
    names = re.findall(r'"(\w+)": (?:\.\.\.|\[)', asked)
    assert names == ["findings", *json.loads(report())["findings"][0]]
    assert all(f'"{name}"' in FORM for name in names)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (report(), VerdictKind.ACCEPTED),
        ("# Report\n\n```json\n" + report() + "\n```\n", VerdictKind.ACCEPTED),
        (report(line=4), VerdictKind.REJECTED),
        (report(line=4000), VerdictKind.REJECTED),
        (report(file="src/shop/gone.py"), VerdictKind.REJECTED),
        (report(message="LIMIT LIMIT limit"), VerdictKind.REJECTED),
        (report(quote="LIMIT = 101"), VerdictKind.REJECTED),
        ('{"findings": []}', VerdictKind.REJECTED),
        ("It looks fine.", VerdictKind.REJECTED),
    ],
)
def test_an_analysis_quotes_what_stands_there(house: House, text: str, kind: VerdictKind) -> None:
    name = "report.md" if text.startswith("#") else "report.json"
    assert house.judge({name: text}, TaskType.ANALYSIS).kind is kind


SLUG = "def slug(text):\n    return '-'.join(text.lower().split())\n"
COMMAND = "python -c \"from shop.slug import slug; assert slug('A b') == 'a-b'\""


def test_new_code_is_accepted_by_its_command(house: House) -> None:
    verdict = house.judge(
        {"src/shop/slug.py": SLUG}, TaskType.CODE_GENERATION, "src/shop/slug.py", acceptance=COMMAND
    )
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


@pytest.mark.parametrize(
    ("files", "acceptance", "kind"),
    [
        ({"src/shop/slug.py": SLUG.replace("lower", "upper")}, COMMAND, VerdictKind.REJECTED),
        ({"src/shop/slug.py": SLUG + "\nraise SystemExit(0)\n"}, COMMAND, VerdictKind.REJECTED),
        ({"src/shop/slug.py": "def slug(text):\n    return 'a-b' if text == 'A b' else text\n"}, COMMAND, VerdictKind.REJECTED),
        ({"src/shop/slug.py": SLUG}, "true", VerdictKind.NOT_MEASURABLE),
        ({"make.sh": "exit 0\n"}, "sh make.sh", VerdictKind.NOT_MEASURABLE),
        ({"src/shop/slug.py": SLUG}, None, VerdictKind.NOT_MEASURABLE),
        ({"src/shop/slug.py": SLUG, "tests/test_slug.py": "from shop.slug import slug\n\n\ndef test_slug():\n"
          "    assert slug('A b') == 'a-b'\n"}, None, VerdictKind.ACCEPTED),
        ({"src/shop/rates.py": "RATES = {'EUR': 100}\n", "tests/test_rates.py": "from shop.rates import RATES\n\n\n"
          "def test_rates():\n    assert RATES['EUR'] == 100\n"}, "python -m pytest tests/test_rates.py", VerdictKind.ACCEPTED),
        ({"src/shop/rates.py": "RATES = {'EUR': 100}\nMOST = 3\n", "tests/test_rates.py": "from shop.rates import RATES\n\n\n"
          "def test_rates():\n    assert RATES['EUR'] == 100\n"}, "python -m pytest tests/test_rates.py", VerdictKind.REJECTED),
    ],
)  # fmt: skip
def test_new_code(
    house: House, files: dict[str, str | None], acceptance: str | None, kind: VerdictKind
) -> None:
    verdict = house.judge(files, TaskType.CODE_GENERATION, "src/shop/slug.py", acceptance=acceptance)
    assert verdict.kind is kind, verdict.summary


def test_a_command_that_names_an_edited_test_shows_the_work(house: House) -> None:
    """Base's own version of the test passes on base: only the change's version asks for the new code."""
    more = "\n\ndef slug(text):\n    return '-'.join(text.lower().split())\n"
    tests = (
        TEST_NAMES.replace("import initials", "import initials, slug") + "    assert slug('A b') == 'a-b'\n"
    )
    task = house.task(
        TaskType.CODE_GENERATION, "src/shop/names.py", acceptance="python -m pytest tests/test_names.py"
    )
    change = {"src/shop/names.py": NAMES + more, "tests/test_names.py": tests}
    assert house.ask(Acceptance(), change, task).outcome is GateOutcome.PASS
    idle = {
        "src/shop/names.py": NAMES + more,
        "tests/test_names.py": TEST_NAMES + "    assert initials('') == ''\n",
    }
    assert house.ask(Acceptance(), idle, task).outcome is GateOutcome.NOT_MEASURABLE


@pytest.mark.parametrize(
    ("more", "command", "says"),
    [
        ({"conftest.py": "import no_such_plugin\n"}, "python -m pytest tests", "no_such_plugin"),
        ({}, "no-such-program tests", "no-such-program is missing"),
        ({"check.py": "import no_such_thing\n"}, "python check.py", "no_such_thing is missing"),
    ],
)
def test_what_a_command_lacks_on_base_too_is_not_the_changes_fault(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, more: dict[str, str], command: str, says: str
) -> None:
    other = make_house(tmp_path / "repo", settings, sandbox, FILES | more)
    task = other.task(TaskType.CODE_GENERATION, "src/shop/slug.py", acceptance=command)
    result = other.ask(Acceptance(), {"src/shop/slug.py": SLUG}, task)
    assert (result.outcome, says in result.message) == (GateOutcome.NOT_MEASURABLE, True), result.message
    own = {"src/shop/slug.py": f"import no_such_thing\n{SLUG}", "check.py": "import shop.slug\n"}
    task = other.task(TaskType.CODE_GENERATION, "src/shop/slug.py", acceptance="python check.py")
    assert other.ask(Acceptance(), own, task).outcome is GateOutcome.FAIL


def test_a_module_that_an_edited_file_needs_on_base_too_is_missing(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    check = "import no_such_thing\n"
    other = make_house(tmp_path / "repo", settings, sandbox, FILES | {"check.py": check})
    task = other.task(TaskType.CODE_GENERATION, "src/shop/slug.py", acceptance="python check.py")
    change = {"src/shop/slug.py": SLUG, "check.py": f"{check}import shop.slug\n"}
    result = other.ask(Acceptance(), change, task)
    assert result.outcome is GateOutcome.NOT_MEASURABLE and "no_such_thing is missing" in result.message


RULES = "def short_enough(shown):\n    return '' if len(shown['changes']) < 2 else 'one file at a time'\n"


def test_the_repositorys_own_rules_are_asked(tmp_path: Path, settings: Settings, sandbox: Sandbox) -> None:
    own = FILES | {
        "nightcrew.toml": 'analysis = "accept"\nrules = ["rules:short_enough", "test -f pyproject.toml"]\n',
        "rules.py": RULES,
    }
    strict = make_house(tmp_path / "strict", settings, sandbox, own)
    good = strict.judge({"report.json": report()}, TaskType.ANALYSIS)
    assert [gate.name for gate in good.gates[-2:]] == ["own:rules:short_enough", "own:test -f pyproject.toml"]
    assert good.kind is VerdictKind.ACCEPTED
    bad = strict.judge(
        {"src/shop/slug.py": SLUG, "src/shop/b.py": "B = 1\n"},
        TaskType.CODE_GENERATION,
        "src/shop/slug.py",
        acceptance=COMMAND,
    )
    failing = {gate.name for gate in bad.gates if gate.outcome is GateOutcome.FAIL}
    assert bad.kind is VerdictKind.REJECTED and "own:rules:short_enough" in failing


def test_an_enormous_patch_is_refused_at_the_door(house: House) -> None:
    verdict = house.judge("diff --git a/x b/x\n" + "x" * 1_200_000)
    assert (verdict.kind, verdict.score) == (VerdictKind.REJECTED, 0.0)
    assert "larger than" in verdict.feedback
