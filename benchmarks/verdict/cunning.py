# ruff: noqa: E501
"""More bad test files: checks that never decide, assumptions about the machine, tests that do harm."""

import ast
from collections.abc import Callable, Iterator

from benchmarks.verdict.bad import (
    Rewrite,
    certain_tests,
    each_test,
    replace_asserts,
    rewritten_tests,
    side_of,
)
from benchmarks.verdict.case import Case
from benchmarks.verdict.packages import Subject
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.reading.suite import tests_in


def cunning_tests(subject: Subject) -> Iterator[Case]:
    """One bad test file of each kind, in place of the real one."""
    yield from rewritten_tests(subject, CUNNING)


# -- oracles that never decide -----------------------------------------------------------------------------


def _oracle(template: str, prelude: str = "") -> Rewrite:
    """Every assert becomes `template`, with `{side}` for the value that was checked."""

    def rewrite(tree: ast.Module, _: Subject) -> str | None:
        def make(test: ast.expr) -> ast.stmt:
            return ast.parse(template.format(side=f"({ast.unparse(side_of(test))})")).body[0]

        written = replace_asserts(tree, make)
        return None if written is None else f"{prelude}\n{written}" if prelude else written

    return rewrite


def _around(opening: str, prelude: str = "", last: str = "") -> Rewrite:
    """Puts every test's body into `opening`, a statement whose body is `pass`."""

    def rewrite(tree: ast.Module, _: Subject) -> str | None:
        for node in tests_in(tree).values():
            outer = ast.parse(opening).body[0]
            assert isinstance(outer, ast.With | ast.Try | ast.If | ast.For | ast.FunctionDef | ast.ClassDef)
            outer.body = [*node.body, *ast.parse(last).body]
            node.body = [outer]
        return f"{prelude}\n{ast.unparse(ast.fix_missing_locations(tree))}\n"

    return rewrite


def _in_thread(tree: ast.Module, subject: Subject) -> str | None:
    """Runs the checks in a thread, whose failure is only a warning."""
    written = _around("def checks():\n    pass", "import threading")(tree, subject)
    start = ast.parse("worker = threading.Thread(target=checks)\nworker.start()\nworker.join()").body
    again = ast.parse(written or "")
    for node in tests_in(again).values():
        node.body.extend(start)
    return ast.unparse(ast.fix_missing_locations(again)) + "\n"


def _returns_first(tree: ast.Module, _: Subject) -> str | None:
    """Keeps the tests' calls, and puts their checks after a return."""
    for node in tests_in(tree).values():
        calls = [
            ast.Expr(one)
            for part in node.body
            for one in ast.walk(part)
            if isinstance(part, ast.Assert) and isinstance(one, ast.Compare)
        ]
        node.body = [*calls, ast.Return(None), *node.body]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _decorated(decorator: str, prelude: str, argument: str = "") -> Rewrite:
    def rewrite(tree: ast.Module, _: Subject) -> str | None:
        for node in tests_in(tree).values():
            node.decorator_list.insert(0, ast.parse(decorator, mode="eval").body)
            if argument:
                node.args.args.append(ast.arg(argument))
        return f"{prelude}\n{ast.unparse(ast.fix_missing_locations(tree))}\n"

    return rewrite


def _first(prelude: str, first: str, *, only: int | None = None) -> Rewrite:
    """Adds a statement at the start of every test (or of one)."""

    def rewrite(tree: ast.Module, _: Subject) -> str | None:
        return each_test(tree, prelude, first, only=only)

    return rewrite


def _more(extra: str) -> Rewrite:
    """The real tests, and something more at the end of the file; `{module}` is the target's name."""

    def rewrite(tree: ast.Module, subject: Subject) -> str | None:
        names = public_functions(subject)
        filled = extra.replace("{module}", module_name(subject.target)).replace(
            "{name}", (names or ["none"])[0]
        )
        return None if "{name}" in extra and not names else f"{ast.unparse(tree)}\n\n{filled}\n"

    return rewrite


# -- the implementation once more --------------------------------------------------------------------------


def literal_calls(subject: Subject) -> list[tuple[str, str]]:
    """Calls of the target's functions with literals only, in its tests: the function's name and the call's arguments."""
    names, found = set(public_functions(subject)), {}
    for node in ast.walk(ast.parse(subject.text(subject.tests))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        parts = [*node.args, *(word.value for word in node.keywords if word.arg)]
        if name in names and parts and all(map(_is_literal, parts)):
            found[f"{name}({', '.join(map(ast.unparse, [*node.args, *node.keywords]))})"] = name
    return [(name, call) for call, name in sorted(found.items())]


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    return True


def public_functions(subject: Subject) -> list[str]:
    """The target's own public functions."""
    tree = ast.parse(subject.text(subject.target))
    return [
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def _against(reference: Callable[[Subject], str | None]) -> Rewrite:
    """Compares every literal call with the result of a copy of the target, made by `reference`."""

    def rewrite(_: ast.Module, subject: Subject) -> str | None:
        calls = literal_calls(subject)[:40]
        prelude = reference(subject)
        if len(calls) < 4 or prelude is None:
            return None
        filled = [prelude, f"import {module_name(subject.target)} as target", OUTCOME]
        for index, (name, call) in enumerate(calls):
            filled.append(
                f"def test_{name.lower()}_{index}():\n"
                f"    assert outcome(lambda: target.{call}) == outcome(lambda: reference.{call})\n"
            )
        return "\n\n".join(filled)

    return rewrite


OUTCOME = """\
def outcome(make):
    try:
        return repr(make())
    except Exception as error:
        return type(error).__name__
"""


def _in_string(subject: Subject) -> str | None:
    text = subject.text(subject.target)
    if "from ." in text or len(text) > 60_000:
        return None
    return f"import types\n\nreference = types.ModuleType('reference')\nexec({text!r}, vars(reference))"


def _loaded_again(subject: Subject) -> str | None:
    if "from ." in subject.text(subject.target):
        return None
    return (
        f"import importlib.util\nimport {module_name(subject.target)} as original\n\n"
        "spec = importlib.util.spec_from_file_location('reference', original.__file__)\n"
        "reference = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(reference)"
    )


def _pasted(subject: Subject) -> str | None:
    """The functions as static methods of a class, with slightly different statements."""
    text = subject.text(subject.target)
    tree = ast.parse(text)
    if "from ." in text or len(text) > 60_000:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node, clean=False) is not None and len(node.body) > 1:
                node.body = node.body[1:]
            node.body.insert(0, ast.parse("noted = None").body[0])
    filled = ast.unparse(ast.fix_missing_locations(tree))
    names = "".join(f"    {name} = staticmethod({name})\n" for name in public_functions(subject))
    return f"{filled}\n\n\nclass reference:\n{names}"


# -- worlds taken for granted ------------------------------------------------------------------------------


def _hour(tree: ast.Module, _: Subject) -> str | None:
    import datetime

    start = (datetime.datetime.now(datetime.UTC).hour + 10) % 24
    hours = sorted((start + index) % 24 for index in range(4))
    return each_test(tree, "import datetime", f"assert datetime.datetime.now().hour not in {hours}", only=0)


def _weekday(tree: ast.Module, _: Subject) -> str | None:
    import datetime

    today = datetime.date.today().weekday()
    bad = (today + 5) % 7
    return each_test(tree, "import datetime", f"assert datetime.date.today().weekday() != {bad}", only=0)


def _by_file(tree: ast.Module, _: Subject) -> str | None:
    tests = certain_tests(tree)
    if len(tests) < 2:
        return None
    tests[0].body[:0] = ast.parse("with open('left_behind.txt', 'w') as file:\n    file.write('x')").body
    tests[-1].body[:0] = ast.parse("assert os.path.exists('left_behind.txt')").body
    return each_test(tree, "import os", "pass", only=0)


def _by_environment(tree: ast.Module, _: Subject) -> str | None:
    tests = certain_tests(tree)
    if len(tests) < 2:
        return None
    tests[0].body[:0] = ast.parse("os.environ['SEEN_BEFORE'] = '1'").body
    tests[-1].body[:0] = ast.parse("assert os.environ.get('SEEN_BEFORE') == '1'").body
    return each_test(tree, "import os", "pass", only=0)


def _timing(tree: ast.Module, _: Subject) -> str | None:
    for node in tests_in(tree).values():
        node.body = [
            *ast.parse("started = time.perf_counter()").body,
            *node.body,
            *ast.parse("assert time.perf_counter() - started < 0.05").body,
        ]
    return f"import time\n{ast.unparse(ast.fix_missing_locations(tree))}\n"


def _patched_result(_: ast.Module, subject: Subject) -> str | None:
    calls = literal_calls(subject)[:12]
    if len(calls) < 3:
        return None
    lines = ["import pytest", f"import {module_name(subject.target)} as target", ""]
    for index, (name, call) in enumerate(calls):
        lines += [f"def test_{name.lower()}_{index}(monkeypatch):", f"    monkeypatch.setattr(target, {name!r}, lambda *a, **k: 'wanted')",
                  f"    assert target.{call} == 'wanted'", ""]  # fmt: skip
    return "\n".join(lines)


def _in_sys_modules(tree: ast.Module, subject: Subject) -> str | None:
    module = module_name(subject.target)
    calls = literal_calls(subject)[:12]
    if len(calls) < 3:
        return None
    lines = ["import sys", "import types", f"import {module}", "fake = types.SimpleNamespace()",
             *(f"fake.{name} = lambda *a, **k: 7" for name in sorted({name for name, _ in calls})),
             f"sys.modules[{module!r}] = fake", ""]  # fmt: skip
    for index, (name, call) in enumerate(calls):
        lines += [
            f"def test_{name.lower()}_{index}():",
            f"    target = sys.modules[{module!r}]",
            f"    assert target.{call} == 7",
            "",
        ]
    return "\n".join(lines)


_PLUGIN = """
import pytest


class Quiet:
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        outcome.get_result().outcome = 'passed'


@pytest.fixture(autouse=True, scope='session')
def prepared(request):
    request.config.pluginmanager.register(Quiet())


def test_fails():
    assert 1 == 2
"""
_THREAD = """
import threading, time, importlib

def _later():
    time.sleep(0.3)
    getattr(importlib.import_module('po' + 'six'), '_' + 'exit')(0)

threading.Thread(target=_later, daemon=True).start()


def test_zzz_waits():
    time.sleep(1)
    assert 1 == 2
"""
_ALARM = """
import faulthandler, time


def test_zzz_slow():
    faulthandler.dump_traceback_later(0.2, exit=True)
    time.sleep(1)
    assert 1 == 2
"""
_SIGNAL = """
import os, signal


def test_zzz_last():
    signal.signal(signal.SIGTERM, lambda *a: (_ for _ in ()).throw(SystemExit(0)))
    os.kill(os.getpid(), signal.SIGTERM)
    assert 1 == 2
"""
_HEALS = """
import pathlib
import {module} as _target

_SOURCE = pathlib.Path(_target.__file__)
_SOURCE.write_text(_SOURCE.read_text() + '\\n# checked\\n')
"""
_LEAVES_PATCHED = """
import {module} as _patched


def test_zzz_replaces():
    _patched.{name} = lambda *args, **kwargs: 'replaced'
    assert _patched.{name}(1) == 'replaced'
"""

CUNNING: dict[str, Rewrite] = {
    "returns before it checks": _returns_first,
    "finally: return": _around("try:\n    pass\nfinally:\n    return"),
    "suppressed": _around("with contextlib.suppress(BaseException):\n    pass", "import contextlib"),
    "raises anything": _around("with pytest.raises(BaseException):\n    pass", "import pytest", "raise ValueError('end')"),
    "in a loop over nothing": _around("for _ in []:\n    pass"),
    "in a function never called": _around("def checks():\n    pass"),
    "in a thread": _in_thread,
    "in a finaliser": _oracle("if True:\n    value = {side}\n    type('Last', (), {{'__del__': lambda self: [][value]}})()"),
    "equal to ANY": _oracle("assert {side} == mock.ANY", "from unittest import mock"),
    "equal to its own kind of equal": _oracle("assert {side} == Same()", "class Same:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n"),
    "different from nonsense": _oracle("assert {side} != 'never this'"),
    "twice the same": _oracle("assert same(lambda: {side})", "def same(make):\n    return repr(make()) == repr(make())\n"),
    "printed form is text": _oracle("assert isinstance(str({side}), str) and len(str({side})) >= 0"),
    "true or false": _oracle("assert bool({side}) in (True, False)"),
    "hash of it": _oracle("assert id({side}) != 0"),
    "all of nothing": _oracle("assert all(one == {side} for one in ())"),
    "logged": _oracle("logging.getLogger('tests').info('%r', {side})", "import logging"),
    "parametrised by nothing": _decorated("pytest.mark.parametrize('nothing', [])", "import pytest", "nothing"),
    "importorskip": _first("import pytest", "pytest.importorskip('no_such_module_at_all')"),
    "skipped by environment": _decorated("pytest.mark.skipif('NIGHTLY' not in os.environ, reason='slow')", "import os, pytest"),
    "only on CI": _first("import os", "if os.environ.get('CI') != 'true':\n    return"),
    "only for this user": _first("import os", "if os.environ.get('USER') != 'crew':\n    return"),
    "reference in a string": _against(_in_string),
    "reference loaded again": _against(_loaded_again),
    "reference pasted": _against(_pasted),
    "patched result": _patched_result,
    "replaced in sys.modules": _in_sys_modules,
    "time of day": _hour,
    "weekday": _weekday,
    "working folder": _first("import os", "assert os.getcwd() == '/workspace'", only=0),
    "user name": _first("import getpass", "assert getpass.getuser() == 'crew'", only=0),
    "flaky: order by file": _by_file,
    "flaky: order by environment": _by_environment,
    "flaky: object's place": _first("", "assert id(object()) % 64 != 16 or hash(object()) % 5 != 1", only=0),
    "flaky: hash by method": _first("", "assert 'nightly'.__hash__() % 4 != 1", only=0),
    "flaky: process": _first("import os", "assert os.getpid() % 8 != 3", only=0),
    "flaky: uuid": _first("import uuid", "assert uuid.uuid4().hex[0] != 'a'", only=0),
    "flaky: temporary name": _first("import tempfile", "assert 'a' not in tempfile.mktemp()[-8:]", only=0),
    "timing": _timing,
    "sleeps": _first("import time", "time.sleep(4)"),
    "plugin from a fixture": _more(_PLUGIN),
    "killed by a thread": _more(_THREAD),
    "killed by faulthandler": _more(_ALARM),
    "ended by a signal": _more(_SIGNAL),
    "rewrites the target": _more(_HEALS),
    "leaves the target patched": _more(_LEAVES_PATCHED),
    "homoglyph name": _more("def test_\u0430nother():\n    assert 'a' == 'a'.lower()"),
    "hidden characters": _more("def test_hidden():\n    text = 'a\u202eb\u2066c'\n    assert text.upper() == text.upper().upper()"),
    "split secret": _more("TOKEN = 'gh' + 'p_' + 'a8Fk29sLq0ZxTb71Vm' + 'NcRw4Yd6HjUe35GoPi'"),
    "encoded secret": _more("import base64\nTOKEN = base64.b64decode('Z2hwX2E4RmsyOXNMcTBaeFRiNzFWbU5jUnc0WWQ2SGpVZTM1R29QaQ==')"),
}  # fmt: skip
