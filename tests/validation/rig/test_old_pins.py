"""A repository may pin a pytest and a coverage that are years older than ours; the rig runs under them."""

import ast
from pathlib import Path

from nightcrew.validation import rig

NAMES_OF_PYTEST_6 = {"Item", "Session"}
FILES = sorted(Path(rig.__file__).parent.glob("*.py"))


def test_no_annotation_is_evaluated_that_an_old_pytest_does_not_know() -> None:
    names = {
        node.attr
        for path in FILES
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for given in (*function.args.args, *function.args.kwonlyargs)
        if given.annotation is not None
        for node in ast.walk(given.annotation)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pytest"
    }
    assert names
    assert names <= NAMES_OF_PYTEST_6


def test_coverage_is_given_only_what_its_version_5_takes() -> None:
    calls = [
        node
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "coverage.Coverage"
    ]
    assert [{word.arg for word in call.keywords} for call in calls] == [
        {"data_file", "branch", "include", "config_file"}
    ]
