"""What an edit of an existing test file takes away: nothing may be; tests may only be added."""

import ast
from collections.abc import Iterator

from nightcrew.validation.reading.suite import Function, all_functions, cannot_fail, parse, tests_in

_SKIPPING = {"skip", "skipif", "xfail", "skipIf", "skipUnless", "expectedFailure", "importorskip", "skipTest"}


def what_was_weakened(before: str, after: str | None) -> str:
    """One sentence about the first existing test that is deleted, changed or hidden; empty: none is."""
    old = parse(before)
    if after is None:
        return "an existing test file is deleted." if old is None or tests_in(old) else ""
    new = parse(after)
    if old is None or new is None:
        return ""
    for problem in _problems(old, new):
        return problem
    return ""


def _problems(old: ast.Module, new: ast.Module) -> Iterator[str]:
    before, after = all_functions(old), all_functions(new)
    for name, node in before.items():
        test = (
            f"the existing test {name}"
            if node.name.startswith("test")
            else f"{name}, which existing tests may use,"
        )
        if name not in after:
            yield f"{test} is deleted or renamed."
        elif not _extends(node, after[name]):
            yield f"{test} is changed: {_how(node, after[name])}."
    yield from _hidden(old, new)


def _hidden(old: ast.Module, new: ast.Module) -> Iterator[str]:
    """Statements outside of tests that would keep them from running or make them lie."""
    known = {ast.dump(node) for node in old.body}
    names = set(all_functions(old))
    for node in new.body:
        if ast.dump(node) in known or isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom
        ):
            if isinstance(node, ast.FunctionDef) and ast.dump(node) not in known and _is_autouse(node):
                yield f"the new fixture {node.name} would change every existing test of the file."
            continue
        if isinstance(node, ast.ClassDef):
            continue
        words = {
            one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in ast.walk(node)
        }
        if words & (_SKIPPING | {"pytestmark", "__test__"}):
            yield "a new statement skips the tests of the file."
        if isinstance(node, ast.Assign | ast.Delete):
            targets = {
                one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)
            }
            if targets & names:
                yield f"{sorted(targets & names)[0]} is taken away or replaced."
    yield from _lost_statements(old, new)
    yield from _class_tricks(old, new)
    counts: dict[str, int] = {}
    for one in new.body:
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            counts[one.name] = counts.get(one.name, 0) + 1
    for one in old.body:
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            counts[one.name] = counts.get(one.name, 0) - 1
    for name, count in counts.items():
        if count > 0 and any(key.split(".")[0] == name for key in names):
            yield f"{name} is defined a second time, which hides the first."


def _lost_statements(old: ast.Module, new: ast.Module) -> Iterator[str]:
    """Module-level data that tests use (tables of cases, constants) has to stay."""
    after = {ast.dump(node) for node in new.body}
    texts = {_target(node): node for node in new.body if _target(node)}
    for node in old.body:
        name = _target(node)
        if name and ast.dump(node) not in after:
            other = texts.get(name)
            if other is None or not _grows(_value(node), _value(other)):
                yield f"{name}, which existing tests may use, is changed or taken away."


def _class_tricks(old: ast.Module, new: ast.Module) -> Iterator[str]:
    before = {node.name: node for node in old.body if isinstance(node, ast.ClassDef)}
    for node in new.body:
        if not isinstance(node, ast.ClassDef) or node.name not in before:
            continue
        former = before[node.name]
        if [ast.dump(one) for one in node.decorator_list] != [ast.dump(one) for one in former.decorator_list]:
            yield f"the existing test class {node.name} gets another decorator."
        if [ast.dump(one) for one in node.bases] != [ast.dump(one) for one in former.bases]:
            yield f"the existing test class {node.name} gets another base class."
        known = {ast.dump(one) for one in former.body}
        for one in node.body:
            added = (
                isinstance(one, ast.Assign | ast.AnnAssign | ast.FunctionDef) and ast.dump(one) not in known
            )
            name = _target(one) or getattr(one, "name", "")
            fixed = {
                "__test__",
                "pytestmark",
                "setUp",
                "setup_method",
                "tearDown",
                "setUpClass",
                "setup_class",
                "run",
            }
            if added and (name in fixed or (isinstance(one, ast.FunctionDef) and _is_autouse(one))):
                former_names = {_target(item) or getattr(item, "name", "") for item in former.body}
                if name not in former_names:
                    yield f"the existing test class {node.name} gets {name}, which changes its tests."


def _target(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def _value(node: ast.stmt) -> ast.expr | None:
    return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None


def _is_autouse(node: ast.FunctionDef) -> bool:
    return any("autouse" in ast.dump(one) for one in node.decorator_list)


def _extends(old: Function, new: Function) -> bool:
    """True where `new` is `old`, perhaps with more statements at its end, or more parametrised cases."""
    if ast.dump(old) == ast.dump(new):
        return True
    if ast.dump(old.args) != ast.dump(new.args) or len(old.decorator_list) != len(new.decorator_list):
        return False
    if not all(_grows(one, other) for one, other in zip(old.decorator_list, new.decorator_list, strict=True)):
        return False
    kept, added = [ast.dump(one) for one in old.body], new.body[len(old.body) :]
    return kept == [ast.dump(one) for one in new.body[: len(old.body)]] and all(map(_is_harmless, added))


def _is_harmless(statement: ast.stmt) -> bool:
    """A statement that only adds a check, or prepares one."""
    return isinstance(statement, ast.Assert | ast.Assign | ast.Expr | ast.With)


def _grows(old: ast.expr | None, new: ast.expr | None) -> bool:
    """True where the values are the same, or `new` is a longer list that begins with or contains all of
    `old`."""
    if old is None or new is None:
        return old is new
    if ast.dump(old) == ast.dump(new):
        return True
    if (
        isinstance(old, ast.List | ast.Tuple)
        and type(old) is type(new)
        and isinstance(new, ast.List | ast.Tuple)
    ):
        remaining = iter([ast.dump(one) for one in new.elts])
        return all(ast.dump(one) in remaining for one in old.elts)
    if isinstance(old, ast.Dict) and isinstance(new, ast.Dict):
        return {
            ast.dump(key) + ast.dump(value) for key, value in zip(old.keys, old.values, strict=True) if key
        } <= {ast.dump(key) + ast.dump(value) for key, value in zip(new.keys, new.values, strict=True) if key}
    if isinstance(old, ast.Call) and isinstance(new, ast.Call):
        same = ast.dump(old.func) == ast.dump(new.func) and len(old.args) == len(new.args)
        words = [ast.dump(one) for one in old.keywords] == [ast.dump(one) for one in new.keywords]
        return (
            same and words and all(_grows(one, other) for one, other in zip(old.args, new.args, strict=True))
        )
    return False


def _how(old: Function, new: Function) -> str:
    """The kind of change, in words."""
    marks = {
        one.attr if isinstance(one, ast.Attribute) else ""
        for part in new.decorator_list
        for one in ast.walk(part)
    }
    if marks & _SKIPPING or any(
        getattr(one, "attr", getattr(one, "id", "")) in _SKIPPING for one in ast.walk(new)
    ):
        return "it is skipped or expected to fail"
    before, after = _asserts(old), _asserts(new)
    if len(after) < len(before):
        return f"it has {len(after)} assertions instead of {len(before)}"
    if any(isinstance(one, ast.Try) for one in ast.walk(new)) and not any(
        isinstance(one, ast.Try) for one in ast.walk(old)
    ):
        return "its assertions are wrapped in try"
    if any(cannot_fail(one.test) for one in after) and not any(cannot_fail(one.test) for one in before):
        return "an assertion can no longer fail"
    return "it does not check what it checked before"


def _asserts(node: Function) -> list[ast.Assert]:
    return [one for one in ast.walk(node) if isinstance(one, ast.Assert)]
