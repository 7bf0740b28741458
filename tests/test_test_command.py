# ruff: noqa: E501
"""How a repository says that its tests are run: honoured, or refused where it is read."""

from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.target_config import load_target_config
from nightcrew.test_command import read_test_command


def test_variables_folder_options_and_paths_are_taken_apart() -> None:
    command = read_test_command(
        "APP_ENV='a b' cd backend && env MODE=x uv run --frozen python -m pytest -k 'not slow' -q tests/unit"
    )
    assert command.variables == {"APP_ENV": "a b", "MODE": "x"}
    assert command.folder == "backend"
    assert command.options == (("-k", "not slow"), ("-q",))
    assert command.words == ("tests/unit",)


@pytest.mark.parametrize(
    ("text", "runner", "words"),
    [
        ("pytest", "pytest", ()),
        ("python3.12 -W error -m pytest tests -- -odd", "pytest", ("tests", "-odd")),
        ("coverage run -m pytest tests", "pytest", ("tests",)),
        ("python -m unittest discover -s tests", "unittest", ()),
        ("python run_tests.py", "pytest", ("run_tests.py",)),
        ("poetry run pytest --cov-report term x.py", "pytest", ("x.py",)),
    ],
)
def test_usual_ways_to_say_it(text: str, runner: str, words: tuple[str, ...]) -> None:
    command = read_test_command(text)
    assert (command.runner, command.words) == (runner, words)


@pytest.mark.parametrize(
    "text",
    [
        "make test", "tox -e py312", "pytest; rm -rf x", "pytest | tee log", "cd .. && pytest", "cd /srv && pytest",
        "npm ci && pytest", "pytest > log", "FLAGS=$(cat flags) pytest", "", "python manage.py test", "pytest 'a",
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="pytest"):
        read_test_command(text)


def test_the_refusal_is_one_sentence_at_the_door(tmp_path: Path) -> None:
    (tmp_path / "nightcrew.toml").write_text('test = "make test"\n')
    with pytest.raises(BadInput, match=r"nightcrew\.toml: test: `make test` runs no supported test runner"):
        load_target_config(tmp_path)


def test_variables_and_the_root_come_from_both_places(tmp_path: Path) -> None:
    text = 'test = "MODE=b cd backend && pytest"\n[env]\nMODE = "a"\nREGION = "eu"\n'
    (tmp_path / "nightcrew.toml").write_text(text)
    config = load_target_config(tmp_path)
    assert config.variables == {"MODE": "b", "REGION": "eu"}
    assert config.root == "backend"
