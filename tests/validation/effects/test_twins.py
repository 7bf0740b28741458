"""Places that base has twice."""

from nightcrew.validation.change.change import Change
from nightcrew.validation.effects.twins import twins

CELL = """\
    def {name}(self, el, text):
        span = 1
        if 'span' in el.attrs and el['span'].isdigit():
            span = int(el['span'])
        return text + '|' * span
"""
BASE = "class A:\n" + CELL.format(name="td") + CELL.format(name="th")
LIMITED = "            span = max(1, min(1000, int(el['span'])))"


def found(after: str) -> list[tuple[str, str, int]]:
    return [(one.function, one.path, one.line) for one in twins([Change("a.py", BASE, after)])]


def test_the_other_place_is_named() -> None:
    assert found(BASE.replace("            span = int(el['span'])", LIMITED, 1)) == [("A.th", "a.py", 9)]


def test_both_places_may_be_repaired_or_become_one() -> None:
    assert found(BASE.replace("            span = int(el['span'])", LIMITED)) == []
    assert found("class A:\n" + CELL.format(name="td") + "    th = td\n") == []
    assert found(BASE.replace("'|'", "'||'", 1)) == []
