# ruff: noqa: E501
"""Bad work as agents really submit it: it does not cheat, but it shows, repairs or explains nothing."""

import ast
from collections.abc import Callable, Iterator

from benchmarks.verdict.bad import Rewrite, replace_asserts, rewritten_tests, side_of
from benchmarks.verdict.case import Case
from benchmarks.verdict.cunning import literal_calls
from benchmarks.verdict.good import heading, strip_docstrings
from benchmarks.verdict.packages import Subject
from nightcrew.task import TaskType
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.reading.suite import Function, tests_in
from nightcrew.validation.reading.variants import functions, rename_locals


def careless_tests(subject: Subject) -> Iterator[Case]:
    """One bad test file of each kind, in place of the real one."""
    yield from rewritten_tests(subject, TESTS)


def careless_products(subject: Subject) -> Iterator[Case]:
    """Refactorings that lose something, and docstrings that explain nothing or are false."""
    text = subject.text(subject.target)
    for kind, change in REFACTORINGS.items():
        tree = ast.parse(text)
        if change(tree):
            written = heading(text) + ast.unparse(ast.fix_missing_locations(tree)) + "\n"
            # The base has the same layout, so that only the change differs.
            plain: dict[str, str | None] = {
                subject.target: heading(text) + ast.unparse(ast.parse(text)) + "\n"
            }
            yield Case(f"bad: {kind}", False, subject, TaskType.REFACTORING, plain, {subject.target: written})
    bare = strip_docstrings(text)
    for kind, explain in DOCSTRINGS.items():
        filled = _explained(bare or text, subject, explain)
        if bare is not None and filled is not None:
            start: dict[str, str | None] = {subject.target: bare}
            yield Case(
                f"bad: {kind}", False, subject, TaskType.DOCUMENTATION, start, {subject.target: filled}
            )


# -- tests -------------------------------------------------------------------------------------------------


def _instead(template: str, prelude: str = "", argument: str = "") -> Rewrite:
    """Every assert becomes `template`: `{side}` is the code's result, `{test}` the whole comparison."""

    def rewrite(tree: ast.Module, _: Subject) -> str | None:
        def make(test: ast.expr) -> ast.stmt:
            filled = {"side": f"({ast.unparse(side_of(test))})", "test": ast.unparse(test)}
            return ast.parse(template.format(**filled)).body[0]

        methods = any(isinstance(node, ast.ClassDef) for node in tree.body)
        if argument and (methods or any(isinstance(node, ast.Assert) for node in _outside(tree))):
            return None
        for node in tests_in(tree).values() if argument else ():
            node.args.args.append(ast.arg(argument))
        written = replace_asserts(tree, make)
        return None if written is None else f"{prelude}\n{written}" if prelude else written

    return rewrite


def _outside(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements outside of tests."""
    tests = set(tests_in(tree).values())
    for node in tree.body:
        if node not in tests:
            yield from ast.walk(node)


def _each_call(prelude: str, template: str) -> Rewrite:
    """A test for each call of the target with literals that its tests make: `{name}`, `{call}`, `{index}`."""

    def rewrite(_: ast.Module, subject: Subject) -> str | None:
        calls = literal_calls(subject)[:20]
        if len(calls) < 3:
            return None
        module = module_name(subject.target)
        filled = [prelude.replace("{calls}", ", ".join(f"lambda: target.{call}" for _, call in calls))]
        for index, (name, call) in enumerate(calls):
            words = {
                "name": name,
                "call": call,
                "index": index,
                "arguments": call[len(name) :],
                "module": module,
            }
            filled.append(template.format(**words))
        return f"import {module} as target\n" + "\n\n".join(filled) + "\n"

    return rewrite


def _wrong_call(_: ast.Module, subject: Subject) -> str | None:
    """Tests that a call without arguments fails, which shows nothing about the function."""
    names = [
        node.name
        for node in ast.parse(subject.text(subject.target)).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and len(node.args.args) > len(node.args.defaults)
    ]
    tests = "\n\n".join(
        f"def test_{name.lower()}_refuses():\n    with pytest.raises(Exception):\n        target.{name}()\n"
        for name in names
    )
    return f"import pytest\nimport {module_name(subject.target)} as target\n\n{tests}" if names else None


def _not_awaited(tree: ast.Module, _: Subject) -> str | None:
    """Puts the checks into a coroutine that is never awaited."""
    for node in tests_in(tree).values():
        inner = ast.parse("async def checks():\n    pass\nchecks()").body
        assert isinstance(inner[0], ast.AsyncFunctionDef)
        inner[0].body = node.body
        node.body = inner
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _skipping_fixture(tree: ast.Module, _: Subject) -> str:
    fixture = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef service(request):\n    if not hasattr(request.config, 'service'):\n        pytest.skip('no service')\n\n\n"
    return fixture + ast.unparse(tree) + "\n"


def _not_a_test(tree: ast.Module, _: Subject) -> str:
    return "__test__ = False\n" + ast.unparse(tree) + "\n"


def _as_main(tree: ast.Module, _: Subject) -> str | None:
    """Makes the checks only when the file is run as a program."""
    for node in tests_in(tree).values():
        guard = ast.parse("if __name__ == '__main__':\n    pass").body[0]
        assert isinstance(guard, ast.If)
        guard.body = node.body
        node.body = [guard]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


SNAPSHOT = """
import pathlib, tempfile
FOLDER = pathlib.Path(tempfile.mkdtemp())


def snapshot(name, value):
    path = FOLDER / name
    if not path.exists():
        path.write_text(repr(value))
    return path.read_text()
"""
TESTS: dict[str, Rewrite] = {
    "assert with a comma": _instead("assert {side} or True, 'expected'"),
    "assert of a function": _instead("assert lambda: {test}"),
    "copy of the result": _instead("assert (lambda value: copy.deepcopy(value) == value or repr(copy.deepcopy(value)) == repr(value))({side})", "import copy"),
    "in a list that holds it": _instead("assert (lambda value: value in [None, value])({side})"),
    "matches anything": _instead("assert re.search('.*', repr({side})) is not None", "import re"),
    "written and read back": _instead("(lambda value: (tmp_path / 'out').write_text(repr(value)) and [][(tmp_path / 'out').read_text() != repr(value):])({side})", "", "tmp_path"),
    "a mock that was called": _each_call("from unittest import mock\n", "def test_{name}_{index}():\n    spy = mock.Mock(wraps=target.{name})\n    spy{arguments}\n    assert spy.called\n    spy.assert_called_once()\n"),
    "a snapshot made when missing": _each_call(SNAPSHOT, "def test_{name}_{index}():\n    assert snapshot('{index}', target.{call}) == repr(target.{call})\n"),
    "expected at import": _each_call("EXPECTED = [call() for call in [{calls}]]\n", "def test_{name}_{index}():\n    assert target.{call} == EXPECTED[{index}]\n"),
    "expected from a fixture": _each_call("import pytest\n\n\n@pytest.fixture(scope='session')\ndef expected():\n    return [call() for call in [{calls}]]\n", "def test_{name}_{index}(expected):\n    assert repr(target.{call}) == repr(expected[{index}])\n"),
    "a process that is not asked": _each_call("import subprocess, sys\n", "def test_{name}_{index}():\n    target.{call}\n    done = subprocess.run([sys.executable, '-c', 'import {module}'], capture_output=True)\n    assert done.returncode in (0, 1)\n"),
    "wide tolerance": _each_call("import pytest\n", "def test_{name}_{index}():\n    assert len(repr(target.{call})) == pytest.approx(10, abs=1e6)\n"),
    "called wrongly": _wrong_call,
    "never awaited": _not_awaited,
    "skipped by a fixture": _skipping_fixture,
    "not a test module": _not_a_test,
    "only as a program": _as_main,
}  # fmt: skip


# -- refactorings ------------------------------------------------------------------------------------------


def _drops_a_check(tree: ast.Module) -> bool:
    """Removes the last `if ...: raise ...` of the file."""
    for node in reversed(functions(tree)):
        for index, one in enumerate(node.body):
            if (
                isinstance(one, ast.If)
                and not one.orelse
                and isinstance(one.body[-1], ast.Raise)
                and len(node.body) > 1
            ):
                del node.body[index]
                return True
    return False


def _drops_a_handler(tree: ast.Module) -> bool:
    """Removes a `try` around its statements."""
    for node in reversed(functions(tree)):
        for index, one in enumerate(node.body):
            if isinstance(one, ast.Try) and one.handlers and not one.orelse and not one.finalbody:
                node.body[index : index + 1] = one.body
                return True
    return False


def _truth_for_none(tree: ast.Module) -> bool:
    """`x is None` of an argument becomes `not x`, which treats empty values as missing."""
    changed = False
    for function in functions(tree):
        given = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
        for node in ast.walk(function):
            test = node.test if isinstance(node, ast.If | ast.IfExp) else None
            if not isinstance(node, ast.If | ast.IfExp) or not isinstance(test, ast.Compare):
                continue
            if _is_none(test) and isinstance(test.left, ast.Name) and test.left.id in given:
                node.test = ast.UnaryOp(ast.Not(), test.left)
                changed = True
    return changed


def _is_none(test: ast.Compare) -> bool:
    last = test.comparators[0]
    return isinstance(test.ops[0], ast.Is) and isinstance(last, ast.Constant) and last.value is None


def _exact_type(tree: ast.Module) -> bool:
    """`isinstance(x, T)` becomes `type(x) is T`, which refuses subclasses of T."""
    changed = False

    class Exact(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            nonlocal changed
            self.generic_visit(node)
            is_plain = len(node.args) == 2 and isinstance(node.args[1], ast.Name)
            if getattr(node.func, "id", "") != "isinstance" or not is_plain:
                return node
            changed = True
            return ast.Compare(ast.Call(ast.Name("type"), [node.args[0]], []), [ast.Is()], [node.args[1]])

    Exact().visit(tree)
    return changed


def _other_default(tree: ast.Module) -> bool:
    """Another default value, in the last function that has one."""
    for node in reversed(functions(tree)):
        for default in node.args.defaults:
            if isinstance(default, ast.Constant) and isinstance(default.value, bool):
                default.value = not default.value
                rename_locals(node)
                return True
    return False


REFACTORINGS: dict[str, Callable[[ast.Module], bool]] = {
    "refactoring that drops a check": _drops_a_check,
    "refactoring that drops a handler": _drops_a_handler,
    "refactoring by truth for None": _truth_for_none,
    "refactoring by exact type": _exact_type,
    "refactoring with another default": _other_default,
}


# -- documentation -----------------------------------------------------------------------------------------

type Explain = Callable[[Function, Subject], str]


def _explained(text: str, subject: Subject, explain: Explain) -> str | None:
    """A docstring for every public function that has none, and takes no words that its signature hides."""
    tree = ast.parse(text)
    bare = [node for node in functions(tree) if ast.get_docstring(node) is None and not node.args.kwarg]
    bare = [node for node in bare if not node.name.startswith("_")]
    for node in bare:
        node.body.insert(0, ast.Expr(ast.Constant(explain(node, subject))))
    written = heading(text) + ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return written if len({node.name for node in bare}) > 2 else None


def _by_template(node: Function, _: Subject) -> str:
    words = node.name.replace("_", " ")
    return f"Carries out the necessary operations to {words} the provided input efficiently and robustly."


def _google(node: Function, _: Subject) -> str:
    return f"Compute what {node.name} promises from the text.\n\n    Args:\n        verbosity_level: how much is printed\n        on_failure: what is called when it goes wrong\n    "


def _raises(node: Function, _: Subject) -> str:
    return f"Compute what {node.name} promises from the text.\n\n    Raises:\n        UnreadableInputError: when the text has no ending\n    "


def _wrong_example(node: Function, subject: Subject) -> str:
    calls = dict(literal_calls(subject))
    call = calls.get(node.name, f"{node.name}()")
    return f"Compute what the text promises, line by line.\n\n    >>> {call}\n    'nothing like this ever comes out'\n    "


DOCSTRINGS: dict[str, Explain] = {
    "docstrings by a template": _by_template,
    "docstrings with parameters of elsewhere": _google,
    "docstrings with an exception of elsewhere": _raises,
    "docstrings with wrong examples": _wrong_example,
}
