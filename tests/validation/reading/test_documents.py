# ruff: noqa: E501
"""What documents say that can be looked up."""

from pathlib import Path

import pytest

from nightcrew.validation.reading.documents import (
    blocks,
    is_open,
    missing_places,
    packages,
    python_in,
    unparsable,
)


def test_blocks_of_three_forms() -> None:
    text = "a\n\n```python\nx = 1\n```\n\n~~~ {.py}\ny = 2\n~~~\n\n```sh\nls\n```\n"
    assert [(one.language, one.text, one.line) for one in blocks("a.md", text)] == [
        ("python", "x = 1", 3), ("py", "y = 2", 7), ("sh", "ls", 11),
    ]  # fmt: skip
    rst = "A\n\n.. code-block:: python\n\n    x = 1\n    y = 2\n\nB\n"
    assert [one.text.strip() for one in python_in("a.rst", rst)] == ["x = 1\ny = 2"]
    marked = ".. code-block:: python\n    :emphasize-lines: 2\n    :linenos:\n\n    x = 1\n\n```python\ny = 2\n```\n"
    assert [one.text.strip() for one in python_in("a.rst", marked)] == ["x = 1", "y = 2"]


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("```\na\n```\n", False),
        ("```\na\n\nmore\n", True),
        ("````md\n```\na\n```\n````\n", False),
        ("```python\nx\n```\n\n```\n", True),
        ("no code", False),
    ],
)
def test_a_fence_that_is_never_closed(text: str, opened: bool) -> None:
    assert is_open("a.md", text) is opened


@pytest.mark.parametrize(
    ("code", "wrong"),
    [("x = (1", True), ("def f(:", True), ("x = 1", False), ("await f()", False), (">>> f(", False), ("f(\n    ...\n", False)],
)  # fmt: skip
def test_python_that_does_not_parse(code: str, wrong: bool) -> None:
    (block,) = python_in("a.md", f"```python\n{code}\n```\n")
    assert bool(unparsable(block)) is wrong


def test_places_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/guide.md").write_text("")
    before = "[old](gone.md)"
    after = (
        before
        + " [a](docs/guide.md#top) [b](https://x.org/c) [c](docs/none.md) `docs/guide.md` `src/no/such.py`"
    )
    assert missing_places("README.md", before, after, tmp_path) == ["docs/none.md", "src/no/such.py"]
    assert missing_places("docs/index.md", "", "[a](guide.md) [b](guide)", tmp_path) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Run `pip install shop`.", {"shop"}),
        ("    sudo pip install -U 'shop[web]>=2' other", {"shop", "other"}),
        ("    python -m pip install -r requirements.txt", set()),
        ("uv add shop==1.0", {"shop"}),
        ("pip install .", set()),
        ("run `poetry install` and then the tests", set()),
        ("pip install shop and then run it", {"shop"}),
        ("conda install -c conda-forge shop", {"shop"}),
        ("pip install\n\n2. Create a branch for it", set()),
    ],
)
def test_packages_to_install(text: str, names: set[str]) -> None:
    assert packages(text) == names
