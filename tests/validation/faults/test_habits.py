"""What a file's own code says against a new piece."""

from nightcrew.validation.faults.notes import ALTERNATIVE
from nightcrew.validation.faults.parts import parts_of

_BASE = """\
class A:
    def written(self, value, name, record):
        if value is None:
            return None
        return str(value)
"""


def _tried(added: str, before: str = _BASE) -> list[tuple[str, str]]:
    """The alternatives that are tried where these lines come after `before`."""
    return [(one.before, one.text) for one in parts_of(before, before + added) if one.operator == ALTERNATIVE]


def test_a_parameter_has_the_name_that_the_call_asks_for() -> None:
    head = "class B:\n    def written(self, value, name, record):\n"
    added = f"{head}        return self.a.written(value.x, name, value)\n"
    assert _tried(added) == [("value", "record")]
    assert _tried(added.replace("name, value)", "name, record)")) == []


def test_an_argument_by_its_name() -> None:
    added = "def g(path, name): return h(path=name)\ndef h(path): return path\n"
    assert ("name", "path") in _tried(added)


def test_namesakes_with_other_parameters_say_nothing() -> None:
    added = "class B:\n    def written(self, other): return self.a.written(other, value, value)\n"
    assert _tried(added) == []


def test_the_same_method_elsewhere_asks_for_none() -> None:
    head = "class B:\n    def written(self, value, name, record):\n"
    end = "            return None\n        return value.x\n"
    assert _tried(f"{head}        if not value:\n{end}") == [("not value", "(value is None)")]
    assert _tried(f"{head}        return value or 1\n") == [
        ("value or 1", "(value if value is not None else 1)")
    ]
    assert _tried(f"{head}        if not record:\n{end}") == []


def test_a_number_that_is_not_given_is_not_the_same_as_zero() -> None:
    before = "def f(x): pass\n"
    added = "def g(x, most=None):\n    return min(x, most) if most else x\n"
    assert ("most", "(most is not None)") in _tried(added, before)
    assert ("most", "(most is not None)") in _tried(
        added.replace("min(x, most)", "x[:1]").replace("=None", ": float | None = None"), before
    )
    assert ("most", "(most is not None)") not in _tried(added.replace("min(x, most)", "x[most]"), before)


def test_truth_in_a_condition_that_base_has_otherwise() -> None:
    before = "def f(x):\n    if x is None:\n        return 1\n    if x > 2:\n        return 2\n"
    after = before.replace("x > 2", "x")
    assert ("x", "(x is not None)") in [(one.before, one.text) for one in parts_of(before, after)]


def test_an_attribute_that_only_one_function_uses() -> None:
    kept = "class B:\n    def rows(self):\n        B._last = list(self.a)\n        return B._last\n"
    (found,) = [text for _, text in _tried(kept) if "_here" in text]
    assert found == "_last_here = list(self.a)\n        return _last_here"


def test_an_attribute_that_others_use_stays() -> None:
    kept = "class B:\n    def rows(self):\n        self.last = list(self.a)\n        return self.last\n"
    other = "    def count(self):\n        return len(self.last)\n"
    made = "def g():\n    one = B()\n    one.last = 1\n    return one.last\n"
    first = kept.replace("rows", "__init__")
    assert [text for more in (kept + other, made, first) for _, text in _tried(more) if "_here" in text] == []


def test_what_a_loop_of_base_newly_leaves_out() -> None:
    before = "def f(x):\n    for one in x.a:\n        g(one)\n"
    after = before.replace("x.a", "filter(None, x.a or [])")
    assert ("filter(None, x.a or [])", "x.a or []") in [
        (one.before, one.text) for one in parts_of(before, after)
    ]


def test_what_an_object_holds_is_changed_under_another_name() -> None:
    head = "class B:\n    def merged(self, more):\n"
    alias = "        known = self.options\n        known.update(more)\n        return known\n"
    assert _tried(head + alias) == [("self.options", "self.options.copy()")]
    own = "        if more:\n            known = self.options\n        else:\n            known = {}\n"
    own += "            known['a'] = 1\n        return known\n"
    assert "self.options.copy()" not in [text for _, text in _tried(head + own)]
    assert _tried(head + alias.replace("known.update(more)", "more.update(known)")) == []


def test_base_refuses_a_key_that_is_not_there() -> None:
    before = "def f(x):\n    return TABLE[x]\n"
    assert ("TABLE.get(x.upper(), 0)", "TABLE[x.upper()]") in [
        (one.before, one.text)
        for one in parts_of(before, before.replace("TABLE[x]", "TABLE.get(x.upper(), 0)"))
    ]
    assert _tried("def g(x):\n    return TABLE.get(x, 0)\n", before) == []


def test_a_text_may_be_encoded_already() -> None:
    head = "from urllib.parse import quote, unquote\n"
    added = "def g(x):\n    return quote(x)\n"
    assert ("x", "__import__('urllib.parse').parse.unquote(x)") in _tried(added, head)
    assert not any("unquote" in text for _, text in _tried(added, "from shlex import quote\n"))
