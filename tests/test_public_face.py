"""The names that `nightcrew` exports, as a caller's type checker and as a running program see them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nightcrew


def test_every_exported_name_is_there_and_typed() -> None:
    """A caller's type checker reads the imports, a program runs `__getattr__`: both know the same names."""
    tree = ast.parse(Path(nightcrew.__file__).read_text())
    typed = [
        alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    ]
    assert sorted(typed) == sorted(nightcrew.__all__)
    for name in nightcrew.__all__:
        assert getattr(nightcrew, name).__name__ == name
    assert set(nightcrew.__all__) <= set(dir(nightcrew))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nightcrew.nothing  # noqa: B018


def test_importing_the_package_loads_no_room() -> None:
    script = "import nightcrew, sys; print([name for name in sys.modules if name.startswith('nightcrew.')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_task_reads_as_its_types_say() -> None:
    task: nightcrew.Task = nightcrew.Task(
        task_type=nightcrew.TaskType.UNIT_TEST,
        description="Write unit tests for auth.py",
        repo="/srv/shop",
        target_file="src/auth.py",
    )
    task_type: nightcrew.TaskType = task.task_type
    assert task_type is nightcrew.TaskType.UNIT_TEST
