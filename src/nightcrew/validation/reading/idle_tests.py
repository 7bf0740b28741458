"""New tests that are useless by their text: copies of one case, tests that read source code instead of
running it, checks of the machine, and checks that many wrong values pass."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from nightcrew.validation.reading.checks import TestFunction
from nightcrew.validation.reading.names import called, names_of
from nightcrew.validation.reading.smells import new_test_functions
from nightcrew.validation.reading.suite import all_functions, read, tree_text, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.tables import Table

_LOOKS, _MACHINE = (Table("tests").words("looks", key) for key in ("code", "machine"))
_REPLACING = {"patch", "object", "setattr", "create_autospec"}
_MOST_REPLACING = 0.5  # of the tests
_ALIKE = 3  # tests of the same text, or repetitions of one case
_MOST_ROUNDS = 100  # repetitions of a case that does not use its number
_NEAR = {"approx", "isclose", "assertAlmostEqual", "assertAlmostEquals"}
_SHARES, _DISTANCES = {"rel", "rel_tol"}, {"abs", "abs_tol", "delta"}  # keywords of those
_WIDE = 0.05  # of the expected value
_SIZES = {"len", "count", "index", "find"}
_LEAST_OF_SIZES = 3  # tests


def idle_test(room: CleanRoom) -> str:
    """The first useless new test; empty where there is none."""
    tests = new_test_functions(room)
    product = room.source(room.target or "") or ""
    return next(filter(None, (*_alike(tests), *(_reason(one, product) for one in tests))), "")


def only_sizes(room: CleanRoom) -> str:
    """Where more than half of the new tests look only at lengths, numbers and places of what they get."""
    tests = [one for one in new_test_functions(room) if one.checks]
    found = [one.name for one in tests if all(_is_size(check.text) for check in one.checks)]
    if len(tests) < _LEAST_OF_SIZES or len(found) <= len(tests) / 2:
        return ""
    return f"{len(found)} of {len(tests)} new tests look only at lengths and places ({found[0]})"


def replaced_target(room: CleanRoom) -> str:
    """What more than half of the new tests replace although the target defines it; empty where fewer do."""
    tree = read(room.source(room.target or ""))
    own = {name.split(".")[-1] for name in all_functions(tree)}
    # Replacing a class replaces all its methods, which `all_functions` lists by their own names only.
    own |= {one.name for one in walk(tree) if isinstance(one, ast.ClassDef)}
    tests = new_test_functions(room)
    # One name for each test: what counts is how many tests replace something, not how often.
    found = [one for test in tests for one in sorted(_replaced(test.node) & own)[:1]]
    if len(found) <= _MOST_REPLACING * len(tests):
        return ""
    return f"{len(found)} of {len(tests)} new tests replace what they should test ({found[0]})"


def tries_new_inputs(room: CleanRoom) -> bool:
    """True where a new test, or a new entry of a table, tries an input that no other test tries."""
    own = Counter(call for test in new_test_functions(room) for call in _literal_calls(test.node))
    before, after = (_inputs(room, tree.python) for tree in (room.base_tree, room.patched_tree))
    # An input counts as new if only the new tests have it: a copied test tries what another one tries.
    return any(count == after[call] for call, count in own.items()) or bool(after.keys() - before.keys())


# ------------------------------------------------------------------------------------------------------


def _inputs(room: CleanRoom, texts: Mapping[str, str]) -> Counter[str]:
    """How often the test files of a tree try each input."""
    trees = (read(text) for path, text in texts.items() if room.is_test(path))
    return Counter(call for tree in trees for call in _literal_calls(tree))


def _replaced(node: ast.AST) -> set[str]:
    """Names that a test replaces by others: of `patch("module.name")`, `patch.object` and `setattr`."""
    calls = [one for one in walk(node) if isinstance(one, ast.Call) and called(one) in _REPLACING]
    texts = (
        one.value
        for call in calls
        for one in call.args[:2]
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    )
    return {text.split(".")[-1] for text in texts}


def _reason(test: TestFunction, product: str) -> str:
    looked = names_of(test.node) & _LOOKS
    # A product that is about code itself, such as a linter, has tests that look at code.
    strange = sorted(one for one in looked if one not in product)
    if strange:
        return f"{test.name} looks at code ({strange[0]}), not at what it does"
    names = _machine_names(test, product)
    for node in walk(test.node):
        if isinstance(node, ast.Assert):
            machine = sorted(names_of(node) & names.keys())
            if machine:
                return f"{test.name} checks the machine that it runs on ({names[machine[0]]})"
        if isinstance(node, ast.Assert | ast.Call) and (loose := _loose(node)):
            return f"{test.name} takes {loose}: {ast.unparse(node)[:100]!r}"
    return _one_case(test)


def _loose(node: ast.Assert | ast.Call) -> str:
    """What a check takes beside the right value; empty for a strict one."""
    match node:
        case ast.Assert(test=ast.Compare(ops=[ast.In()], comparators=[several])) if _are_constants(several):
            return "any of several values"
        case ast.Call(func=ast.Attribute(attr="assertIn"), args=[_, several, *_]) if _are_constants(several):
            return "any of several values"
        case ast.Call() if called(node) in _NEAR:
            words = {word.arg: _number(word.value) for word in node.keywords}
            values = [abs(_number(one)) for one in node.args[:2]]
            distance = max((words[one] for one in words.keys() & _DISTANCES), default=0.0)
            share = max((words[one] for one in words.keys() & _SHARES), default=0.0)
            if max(share, distance / (max(values, default=0.0) or distance * 1e9 or 1.0)) >= _WIDE:
                return "values that are far from the right one"
    return ""


def _are_constants(node: ast.expr) -> bool:
    several = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []
    return len(several) > 1 and all(isinstance(one, ast.Constant) for one in several)


def _number(node: ast.expr) -> float:
    """A written number; 0 for any other expression."""
    sign = -1.0 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1.0
    value = getattr(node.operand if isinstance(node, ast.UnaryOp) else node, "value", None)
    return sign * value if isinstance(value, int | float) else 0.0


def _is_size(check: str) -> bool:
    """True for a check that compares what `len`, `count` or `index` gives."""
    node = read(check).body[:1]
    inner = getattr(node[0], "value", None) if node else None
    sides: list[ast.expr] = []
    if isinstance(inner, ast.Compare):
        sides = [inner.left, *inner.comparators]
    elif isinstance(inner, ast.Call):
        sides = inner.args[:2]
    return any(isinstance(one, ast.Call) and called(one) in _SIZES for one in sides)


def _machine_names(test: TestFunction, product: str) -> dict[str, str]:
    """Names of machine properties, and of variables that hold them; each with the property's name."""
    # As above: a product that reads such a property is rightly tested for it.
    names = {one: one for one in _MACHINE if one not in product}
    for node in walk(test.node):
        if isinstance(node, ast.Assign):
            found = sorted(names_of(node.value) & names.keys())
            targets = {one.id for target in node.targets for one in walk(target) if isinstance(one, ast.Name)}
            names.update((name, names[found[0]]) for name in targets if found)
    return names


def _one_case(test: TestFunction) -> str:
    """One case that is repeated many times: by a list of equal cases, or an unused range."""
    for call in (one for part in test.node.decorator_list for one in walk(part) if isinstance(one, ast.Call)):
        if called(call) != "parametrize" or len(call.args) < 2:
            continue
        cases = call.args[1]
        # `[case] * 50`: a list that is multiplied holds the same cases again.
        if isinstance(cases, ast.BinOp) and isinstance(cases.op, ast.Mult):
            return f"{test.name} repeats its cases"
        if isinstance(cases, ast.List | ast.Tuple):
            often = Counter(tree_text(one) for one in cases.elts).most_common(1)
            if often and often[0][1] >= _ALIKE:
                return f"{test.name} has the same case {often[0][1]} times"
        name = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
        used = {one.id for part in test.node.body for one in walk(part) if isinstance(one, ast.Name)}
        if _length(cases) > _MOST_ROUNDS and name not in used:
            return f"{test.name} is run {_length(cases)} times with the same input"
    return ""


def _length(cases: ast.expr) -> int:
    numbers = cases.args if isinstance(cases, ast.Call) and called(cases) == "range" else []
    last = numbers[-1] if len(numbers) == 1 else numbers[1] if len(numbers) > 1 else None
    return last.value if isinstance(last, ast.Constant) and isinstance(last.value, int) else 0


def _alike(tests: tuple[TestFunction, ...]) -> Iterator[str]:
    """Tests that are copies of each other under different names."""
    texts: dict[str, list[str]] = {}
    for test in tests:
        body = "".join(map(tree_text, [*test.node.decorator_list, test.node.args, *test.node.body]))
        texts.setdefault(body, []).append(test.name)
    for names in texts.values():
        if len({name.split(".")[-1] for name in names}) >= _ALIKE:
            yield f"{names[1]} is a copy of {names[0]}"


def _literal_calls(node: ast.AST) -> Iterator[str]:
    """Calls with their arguments, cases of tables, and values with a name: the inputs that a test tries."""
    for one in walk(node):
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant | ast.List | ast.Dict):
            yield ast.unparse(one.value)
        if (isinstance(one, ast.Call) and (one.args or one.keywords)) or isinstance(one, ast.Tuple):
            yield ast.unparse(one)
