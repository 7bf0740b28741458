"""Edits of existing tests, by their text."""

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.edited_tests import EditKind, edited_tests

BEFORE = """\
import pytest

CASES = [(1, 2), (2, 3)]


@pytest.mark.parametrize(("a", "b"), [(1, 2), (2, 3)])
def test_next(a, b):
    assert following(a) == b


class TestMore:
    def test_near(self):
        assert half(0.6) == pytest.approx(0.3, abs=1e-9)

    def test_refused(self):
        with pytest.raises(ValueError, match="negative"):
            half(-1)
        assert half(2) == 1
        assert half(4) == 2
"""


def kinds(after: str, before: str = BEFORE) -> list[EditKind]:
    return [one.kind for one in edited_tests([Change("tests/test_a.py", before, after)])]


@pytest.mark.parametrize(
    ("old", "new", "kind", "why"),
    [
        ("following(a) == b", "following(a) >= b", EditKind.WEAKER, "lets more pass"),
        ("following(a) == b", "following(a) is not None", EditKind.WEAKER, "lets more pass"),
        ("following(a) == b", "following(a) == b or True", EditKind.BLINDED, "can fail"),
        ("following(a) == b", "1 + 1 == b", EditKind.WEAKER, "no longer calls"),
        ("    assert following(a) == b", "    following(a)", EditKind.BLINDED, "can fail"),
        ("    assert following", "    if a > 1:\n        assert following", EditKind.WEAKER, "sometimes"),
        ("    assert following", "    return\n    assert following", EditKind.BLINDED, "can fail"),
        ("abs=1e-9", "abs=1e-1", EditKind.WEAKER, "tolerance"),
        ("pytest.approx(0.3, abs=1e-9)", "pytest.approx(0.3)", EditKind.WEAKER, "tolerance"),
        ('(ValueError, match="negative")', "(ValueError)", EditKind.WEAKER, "less exact"),
        ("(ValueError,", "(Exception,", EditKind.WEAKER, "lets more pass"),
        ("(ValueError,", "((ValueError, TypeError),", EditKind.WEAKER, "less exact"),
        ("        assert half(4) == 2\n", "", EditKind.WEAKER, "instead of 3"),
        ("(2, 3)])", "])", EditKind.GONE, "cases instead of"),
        ("CASES = [(1, 2), (2, 3)]", "CASES = [(1, 2)]", EditKind.WEAKER, "entries instead of"),
        ("@pytest.mark.para", "@pytest.mark.skip\n@pytest.mark.para", EditKind.BLINDED, "skipped"),
        (
            "@pytest.mark.para",
            "@pytest.mark.skipif(True, reason='')\n@pytest.mark.para",
            EditKind.BLINDED,
            "skipped",
        ),
        ("class TestMore:", "@pytest.mark.xfail\nclass TestMore:", EditKind.BLINDED, "skipped"),
        ("import pytest\n", "import pytest\npytestmark = pytest.mark.skip\n", EditKind.BLINDED, "skipped"),
        (
            "    def test_near(self):\n",
            "    def test_near(self, monkeypatch):\n        monkeypatch.setattr('a.half', lambda x: 0.3)\n",
            EditKind.WEAKER,
            "stand-in",
        ),
        (
            "    assert following(a) == b",
            "    try:\n        assert following(a) == b\n    except AssertionError:\n        pass",
            EditKind.BLINDED,
            "can fail",
        ),
    ],
)
def test_what_weakens(old: str, new: str, kind: EditKind, why: str) -> None:
    assert old in BEFORE
    edits = edited_tests([Change("tests/test_a.py", BEFORE, BEFORE.replace(old, new, 1))])
    assert (edits[0].kind, why in edits[0].why) == (kind, True), edits[0].why


LISTED = """import pytest

SLOW = {"a", "b"}


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_each(name):
    if name in SLOW:
        pytest.xfail("not yet")
    assert name.islower()
"""


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        ("if name in SLOW:\n        pytest.xfail('not yet')", []),
        ("if name in SLOW:\n        print('slow')", [EditKind.WEAKER]),
        ("if name not in SLOW:\n        pytest.xfail('not yet')", [EditKind.WEAKER]),
        ("for one in SLOW:\n        assert one.islower()", [EditKind.WEAKER]),
        ("pass", [EditKind.WEAKER]),  # another module may use it
    ],
)
def test_a_list_of_excuses_may_become_shorter_and_no_other(use: str, kind: list[EditKind]) -> None:
    text = LISTED.replace('if name in SLOW:\n        pytest.xfail("not yet")', use)
    assert kinds(text.replace('{"a", "b"}', '{"a"}'), text) == kind


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE.replace("\n\n\n", "\n\n\n\n# a comment\n"),
        BEFORE + "\n\ndef test_new():\n    assert following(2) == 3\n",
        BEFORE.replace("import pytest", "import math\nimport pytest"),
        BEFORE.replace("test_next", "test_following"),
        BEFORE.replace("assert following(a) == b", "assert (\n        following(a)\n        == b\n    )"),
        BEFORE.replace("        assert half(0.6)", '        """Near."""\n        assert half(0.6)'),
    ],
)  # fmt: skip
def test_what_leaves_every_test_as_it_is(after: str) -> None:
    assert kinds(after) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("following(a) == b", "following(a) == b + 1"),
        ("following(a) == b", "following(a) == b\n    assert following(b) == b + 1"),
        ("(2, 3)])", "(2, 3), (3, 4)])"),
        ("        assert half(2) == 1\n", "        assert half(2) == 1\n        assert half(3) == 1.5\n"),
        ("half(2) == 1", "half(2, exact=True) == 1"),
        ('match="negative"', 'match="negative number"'),
        ("@pytest.mark.para", "@pytest.mark.skipif(sys.version_info < (3, 9), reason='')\n@pytest.mark.para"),
        (
            "        assert half(2) == 1\n        assert half(4) == 2\n",
            "        for a, b in [(2, 1), (4, 2)]:\n            assert half(a) == b\n",
        ),
    ],
)
def test_what_running_has_to_tell(old: str, new: str) -> None:
    assert old in BEFORE
    assert kinds(BEFORE.replace(old, new, 1)) == [EditKind.CHANGED]


def test_an_obsolete_mark_may_go() -> None:
    marked = BEFORE.replace("class TestMore:", "@pytest.mark.xfail\nclass TestMore:")
    assert set(kinds(BEFORE, marked)) == {EditKind.CHANGED}


def test_a_check_that_moves_to_another_test_is_not_lost() -> None:
    moved = BEFORE.replace("        assert half(4) == 2\n", "")
    other = "def test_four():\n    assert half(4) == 2\n"
    changes = [Change("tests/test_a.py", BEFORE, moved), Change("tests/test_b.py", None, other)]
    assert [one.kind for one in edited_tests(changes)] == [EditKind.CHANGED]


def test_what_other_tests_call_too_may_be_called_there_alone() -> None:
    other = BEFORE.replace("following(a)", "half(a)")
    assert kinds(other) == [EditKind.WEAKER]
    assert kinds(f"{other}\n\ndef test_new():\n    assert following(1) == 2\n") == [EditKind.GONE]


def test_a_file_that_moves_takes_its_tests_along() -> None:
    changes = [Change("tests/test_a.py", BEFORE, None), Change("tests/deep/test_a.py", None, BEFORE)]
    assert edited_tests(changes) == ()


def test_another_test_in_its_place_is_no_rename() -> None:
    gone = '        with pytest.raises(ValueError, match="negative"):\n            half(-1)\n'
    other = (
        BEFORE.replace(gone, "").replace("test_refused", "test_sixth").replace("half(2) == 1", "half(6) == 3")
    )
    assert kinds(other.replace("half(4) == 2", "half(8) == 4")) == [EditKind.GONE]
    assert EditKind.GONE not in kinds(BEFORE.replace("test_refused", "test_negative"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("c = following(a)\n    assert c == b\n    assert before(c) == a", EditKind.CHANGED),
        ("c = following(a)\n    assert c is not None\n    assert before(c)", EditKind.WEAKER),
        ("c = before(a)\n    assert c == b\n    assert c == a", EditKind.GONE),
    ],
)
def test_a_test_under_a_longer_name_that_makes_the_same_calls_is_the_old_one(
    body: str, kind: EditKind
) -> None:
    old = "def test_next(a, b):\n    assert following(a) == b"
    assert kinds(BEFORE.replace(old, f"def test_next_and_before(a, b):\n    {body}")) == [kind]


HELPED = "def check(a, b):\n    assert following(a) == b\n\n\ndef test_next():\n    check(1, 2)\n"


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ("assert following(a) is not None", [EditKind.WEAKER]),
        ("following(a)", [EditKind.BLINDED]),
        ("assert following(a) == b\n    assert following(b) == b + 1", []),
        ("assert following(a) == b  # as before", []),
    ],
)
def test_a_check_that_tests_share_is_one_of_theirs(after: str, found: list[EditKind]) -> None:
    assert kinds(HELPED.replace("assert following(a) == b", after), HELPED) == found
