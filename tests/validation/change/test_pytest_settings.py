"""The setting that pytest itself would take: from the first file that has a section for it."""

from pathlib import Path

import pytest

from nightcrew.validation.change.pytest_settings import setting_of

PYPROJECT = '[tool.pytest.ini_options]\npython_files = ["check_*.py", "b.py"]\naddopts = "-q"\n'


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({"pyproject.toml": PYPROJECT}, "'check_*.py' b.py"),
        ({"pyproject.toml": "[tool.ruff]\n"}, None),
        ({"pyproject.toml": "not = = toml"}, None),
        ({"pyproject.toml": '[tool.pytest]\npython_files = ["own.py"]\n'}, "own.py"),
        ({"setup.cfg": "[tool:pytest]\npython_files = c.py\n"}, "c.py"),
        ({"setup.cfg": "[pytest]\npython_files = c.py\n"}, None),
        ({"tox.ini": "[pytest]\npython_files = t.py\n"}, "t.py"),
        ({"pytest.ini": "[other]\n", "pyproject.toml": PYPROJECT}, ""),
        ({"pytest.ini": "[pytest]\npython_files = i.py\n", "pyproject.toml": PYPROJECT}, "i.py"),
        ({"tox.ini": "[pytest]\npython_files = t.py\n", "pyproject.toml": PYPROJECT}, "'check_*.py' b.py"),
    ],
)
def test_the_first_file_with_a_section_decides(
    tmp_path: Path, files: dict[str, str], found: str | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert setting_of(tmp_path, "python_files") == found
