"""What a task's text names and a change leaves out."""

from nightcrew.validation.change.change import Change
from nightcrew.validation.effects.left_out import left_out

BASE = "def load(x):\n    return x\n\n\ndef loads(x):\n    return x\n"
FIX = Change("shop.py", BASE, BASE.replace("return x", "return x.strip()", 1))
TEST = "def test_load():\n    assert load(' a') == 'a'\n"


def missing(text: str, *tests: str, change: Change = FIX) -> list[str]:
    added = Change("test_shop.py", None, "".join(tests))
    return list(left_out(text, [change, added], tests, BASE))


def test_functions_that_the_text_names() -> None:
    assert missing("`load` and `loads` keep blanks.", TEST) == ["`loads`"]
    assert missing("load() and loads() keep blanks.", TEST) == ["`loads`"]
    assert missing("`load` and `loads` keep blanks.", TEST, TEST.replace("load", "loads")) == []
    assert missing("`dump` and loads keep blanks.", TEST) == []


def test_values_of_calls_that_the_text_writes_down() -> None:
    assert missing("load(' a') keeps its blank, and so does load('b ', 1).", TEST) == ["'b '"]
    assert missing("load(' a') keeps its blank, and '-b' its sign.", TEST) == ["'-b'"]
    assert missing("load(' a') keeps its blank, load(None) too.", TEST) == []
    assert missing("load('\\t') keeps it.", "assert load('\\t') == ''\n") == []
    assert missing("The word '-b' keeps its sign, the fix(load) too.", TEST) == []
