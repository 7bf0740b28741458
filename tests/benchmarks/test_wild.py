# ruff: noqa: E501
"""The corpus from history: what is mined, what is made of it, and how answers are counted."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.verdict.wild import bad_tests, bad_words, beside, careless, excused, unlike
from benchmarks.verdict.wild.case import Good
from benchmarks.verdict.wild.clones import Clone
from benchmarks.verdict.wild.edits import functions, parsed
from benchmarks.verdict.wild.judging import Answer, answer_of
from benchmarks.verdict.wild.labels import Label, _is_for_tests
from benchmarks.verdict.wild.mining import Kind, is_about_words, mine
from benchmarks.verdict.wild.wrong_fixes import divided, values_of, without_hunks
from nightcrew.validation.verdict import (
    Finding,
    GateOutcome,
    GateResult,
    Severity,
    Verdict,
    VerdictKind,
)  # fmt: skip

PRODUCT = '''"""Prices."""

RATE = 20


def gross(net):
    """Net and tax."""
    return net + RATE


def net(gross, strict=True):
    """Without tax."""
    if strict and gross < 0:
        raise ValueError("negative")
    return sorted([gross - RATE])[0]
'''
TESTS = "from shop.prices import gross\n\n\ndef test_gross():\n    assert gross(0) == 20\n"
HISTORY: tuple[tuple[str, dict[str, str]], ...] = (
    ("begin", {"shop/__init__.py": "", "shop/prices.py": PRODUCT, "tests/test_prices.py": TESTS, "LICENSE": "MIT",
               "README.md": "# Shop\n\nSells.\n"}),
    ("Fix gross of a percentage", {"shop/prices.py": PRODUCT.replace("net + RATE", "net * (100 + RATE) / 100"),
                                   "tests/test_prices.py": TESTS.replace("gross(0) == 20", "gross(100) == 120")}),
    ("Test net", {"tests/test_net.py": "from shop.prices import net\n\n\ndef test_net():\n    assert net(30) == 10\n\n\n"
                                       "def test_zero():\n    assert net(20) == 0\n"}),
    ("Say more", {"README.md": "# Shop\n\nSells.\n\n## Use\n\nRun it.\n\n```sh\nshop\n```\n"}),
    ("Refactor net", {"shop/prices.py": PRODUCT.replace("net + RATE", "net * (100 + RATE) / 100").replace(
        "sorted([gross - RATE])[0]", "gross - RATE")}),
)  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("wild") / "owner+shop"
    folder.mkdir()
    for words in (("init", "-q"), ("config", "user.name", "a"), ("config", "user.email", "a@example.org")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    for subject, files in HISTORY:
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
        subprocess.run(["git", "commit", "-q", "-m", subject], cwd=folder, check=True)
    return Clone.at(folder)


@pytest.fixture(scope="module")
def goods(clone: Clone) -> dict[Kind, Good]:
    targets = {Kind.DOCUMENTATION: "README.md"}
    found = {one.kind: one.with_target(targets.get(one.kind, "shop/prices.py")) for one in mine(clone, 5)}
    return {kind: Good(clone, Label(one, True)) for kind, one in found.items()}


def test_a_history_gives_one_change_of_each_kind(goods: dict[Kind, Good]) -> None:
    assert set(goods) == {Kind.FIX, Kind.TESTS, Kind.DOCUMENTATION, Kind.REFACTORING}
    assert goods[Kind.FIX].tests == ("tests/test_prices.py",)
    assert goods[Kind.FIX].clone.name == "owner/shop"


def test_every_bad_change_is_another_than_the_good_one_and_is_python(goods: dict[Kind, Good]) -> None:
    made: set[str] = set()
    of_files = (beside, excused, unlike, bad_tests, bad_words)
    for fault in (one for file in of_files for one in file.FAULTS):
        for good in goods.values():
            change = fault.make(good) if good.kind in fault.of else None
            if change is not None:
                made.add(fault.name)
                assert change != good.change, fault.name
                assert all(parsed(text) for path, text in change.items() if text and path.endswith(".py")), (
                    fault.name
                )
    assert len(made) >= 70


def test_a_change_of_words_alone_is_seen_as_that() -> None:
    assert is_about_words(
        'def f():\n    """A."""\n    return 1\n', 'def f():\n    """B."""\n    return 1  # c\n'
    )
    assert not is_about_words("def f():\n    return 1\n", "def f():\n    return 2\n")


def test_half_of_a_change_is_each_hunk_as_it_was() -> None:
    before, after = "a = 1\nb = 2\nc = 3\n", "a = 9\nb = 2\nc = 8\n"
    assert list(without_hunks(before, after)) == ["a = 1\nb = 2\nc = 8\n", "a = 9\nb = 2\nc = 3\n"]
    assert list(without_hunks("a = 1\n", "a = 2\n")) == []


def test_a_method_answers_rightly_for_the_calls_of_its_tests_alone() -> None:
    right = "class Box:\n    def twice(self, x):\n        y = x + x\n        return y\n"
    (node,) = functions(right)
    assert values_of(node) == "(x,)"
    text = divided(right, node, "return x\n", "repr({values}) in {known}", values_of(node), ["(21,)"])
    assert text is not None
    names: dict[str, Any] = {}
    exec(text, names)
    assert [names["Box"]().twice(x) for x in (21, 22)] == [42, 22]


def test_the_patch_of_a_change_applies_to_its_base(
    clone: Clone, goods: dict[Kind, Good], tmp_path: Path
) -> None:
    good = goods[Kind.FIX]
    patch = clone.patch(good.parent, {**good.change, "LICENSE": None}, tmp_path / "tree")
    clone.check_out(good.parent, tmp_path / "other")
    subprocess.run(["git", "apply"], input=patch.encode(), cwd=tmp_path / "other", check=True)
    assert not (tmp_path / "other" / "LICENSE").exists()
    assert (tmp_path / "other" / "shop/prices.py").read_text() == good.change["shop/prices.py"]


@pytest.mark.parametrize(
    ("kind", "outcome", "severity", "answer"),
    [
        (VerdictKind.REJECTED, GateOutcome.FAIL, Severity.UNPROVEN, Answer.MORE_TESTS),
        (VerdictKind.REJECTED, GateOutcome.FAIL, Severity.REFUSED, Answer.REJECTED),
        (VerdictKind.NOT_MEASURABLE, GateOutcome.ASKS, Severity.PERSON, Answer.PERSON),
        (VerdictKind.NOT_MEASURABLE, GateOutcome.NOT_MEASURABLE, Severity.PERSON, Answer.NOT_MEASURABLE),
        (VerdictKind.ACCEPTED, GateOutcome.PASS, Severity.PERSON, Answer.ACCEPTED),
        (VerdictKind.INFRASTRUCTURE_FAULT, GateOutcome.PASS, Severity.PERSON, Answer.FAULT),
    ],
)
def test_what_a_person_is_asked_is_counted_apart(
    kind: VerdictKind, outcome: GateOutcome, severity: Severity, answer: Answer
) -> None:
    gate = GateResult("needed", outcome, "", findings=(Finding("x", "a.py", severity=severity),))
    assert answer_of(Verdict(kind, 0.5, (gate,), "", "")) is answer


@pytest.mark.parametrize(
    ("path", "is_for_tests"),
    [
        ("tests/test_a.py", True),
        ("tests/data/a.json", True),
        ("src/a/testing.json", False),
        ("src/a/b.py", False),
    ],
)
def test_the_data_of_tests_is_there_before_the_change_too(path: str, is_for_tests: bool) -> None:
    assert _is_for_tests(path) is is_for_tests


def test_of_several_places_every_one_is_tried(goods: dict[Kind, Good]) -> None:
    (fault,) = (one for one in careless.FAULTS if one.name == "careless: what is false counts as None")
    text = "def gross(net):\n    if net is None:\n        return 0\n    return net if RATE is None else 1\n"
    good = goods[Kind.FIX]
    path = "shop/prices.py"
    changed = Good(good.clone, good.label)
    changed.change = {path: text}
    assert [one[path] for one in fault.made(changed)] == [
        text.replace("net is None", "(not net)"), text.replace("RATE is None", "(not RATE)"),
    ]  # fmt: skip
    assert next(iter(beside.FAULTS[0].made(changed)))[path] != text


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("g(a, b)", "g(b, b)"), ("return [c for c in a]", "return [c for c in a if c]"),
        ("print(a)", "print(a, file=__import__('sys').stderr)"), ("return a + b", "return (b) + (a)"),
        ("b.append(a)", "b.insert(0, a)"), ("return a and b", "return (a)"), ("b.clear()", "pass"),
        ("for c in a: g(c)", "for c in reversed(list(a)): g(c)"), ("if a: g(b)", "if True: g(b)"),
    ],
)  # fmt: skip
def test_what_a_careless_author_writes(line: str, made: str) -> None:
    text = f"def f(a, b):\n    {line}\n"
    edits = careless._EDITS.values()
    assert f"def f(a, b):\n    {made}\n" in [one for edit in edits for one in edit(text, "")]
