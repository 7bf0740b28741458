"""What only pretends: scripts that print, parameters that nothing reads."""

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.pretence import (
    _idle_code,
    _interface,
    ignored_failures,
    only_prints,
    unread_parameters,
)


@pytest.mark.parametrize(
    ("path", "text", "printing"),
    [
        ("check.sh", "#!/bin/sh\nset -e\necho 'all is well'; exit 0\n", True),
        ("bin/check", "#!/bin/bash\nprintf 'ok\\n' && true\n", True),
        ("Makefile", ".PHONY: test\ntest:\n\t@echo 600 passed\n", True),
        ("check.py", '"""Checks."""\nimport sys\n\nprint("0 errors")\nsys.exit(0)\n', True),
        ("check.sh", "#!/bin/sh\nset -e\ngrep -q name setup.cfg\necho ok\n", False),
        ("check.sh", "#!/bin/sh\necho built > out.txt\n", False),
        ("check.sh", "#!/bin/sh\necho wrong >&2\n", True),
        ("check.sh", "#!/bin/sh\necho $(git rev-parse HEAD)\n", False),
        ("check.sh", '#!/bin/sh\necho "$1" | tr a b\n', False),
        ("Makefile", "test:\n\tpython -m pytest\n\t@echo done\n", False),
        ("Makefile", "all: test\n", False),
        ("check.py", "import pathlib\n\nprint(len(list(pathlib.Path().iterdir())))\n", False),
        ("notes.txt", "echo ok\n", False),
    ],
)
def test_a_script_that_only_prints(path: str, text: str, printing: bool) -> None:
    assert only_prints(path, text) is printing


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("", "def cut(text, limit, ending='x'):\n    return text[:limit]\n", ["ending"]),
        ("def cut(text):\n    return text\n", "def cut(text, limit=3):\n    return text\n", ["limit"]),
        ("def cut(text, limit):\n    return text\n", "def cut(text, limit):\n    return text.strip()\n", []),
        ("", "def cut(text, limit):\n    return [one for one in text if len(one) < limit]\n", []),
        ("", "def cut(text, *rest, _unused=1, **more):\n    return text\n", []),
        ("", "@command\ndef cut(text, context):\n    return text\n", []),
        ("", "def cut(text, limit):\n    raise NotImplementedError\n", []),
        ("", "class Cutter:\n    def cut(self, text):\n        return ''\n", []),
    ],
)
def test_a_parameter_that_nothing_reads(before: str, after: str, names: list[str]) -> None:
    assert [name for name, _, _ in unread_parameters(before, after)] == names


@pytest.mark.parametrize(
    ("path", "line", "command"),
    [
        ("Makefile", "\t-python -m pytest", "python -m pytest"),
        ("Makefile", "\tpython -m pytest || true", "python -m pytest"),
        ("run.sh", "make all && mypy src || :", "mypy src"),
        ("run.sh", "grep -q name setup.cfg || true", ""),
        ("run.sh", "names=$(ls | grep py || true)", ""),
        ("run.sh", "mypy src || exit 1", ""),
        ("run.sh", "# mypy src || true", ""),
        ("notes.md", "mypy src || true", ""),
    ],
)
def test_a_failure_that_is_ignored(path: str, line: str, command: str) -> None:
    found = [text for _, text in ignored_failures(path, "", f"#!/bin/sh\n{line}\n")]
    assert found == [command] * bool(command)
    assert [*ignored_failures(path, line, line)] == []


IDLE = "def push(settings, name):\n    return None\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "count"),
    [
        ("push/noop.py", "", IDLE, 0),  # called in place of its siblings
        ("push/noop.py", "", IDLE.replace("name", "more"), 1),
        ("push/noop.py", "def push(settings):\n    return None\n", IDLE, 1),  # an option that base lacks
        ("other/noop.py", "", IDLE, 3),
        ("push/noop.py", "", "def refresh():\n    return None\n", 1),
        ("push/noop.py", "def refresh():\n    return None\n", "def refresh():\n    return None\n", 0),
        ("push/noop.py", "", "def refresh():\n    return 1\n", 0),
    ],
)
def test_what_siblings_take_may_be_taken(path: str, before: str, after: str, count: int) -> None:
    texts = {"push/real.py": "def push(settings, name):\n    return run(settings, name)\n", path: "x = 1\n"}
    change = Change(path, before, after)
    assert len([*_idle_code(change, _interface(texts, path))]) == count
