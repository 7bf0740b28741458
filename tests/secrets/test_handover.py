"""A secret that a command was given stays out of what everybody can read of its process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.secrets.account import KEY_VARIABLES
from nightcrew.secrets.handover import Passed, hand_over, take_over

KEY = "sk-or-v1-a-key-that-is-easy-to-find"
TOKEN = "canary-token-0123456789"


@pytest.mark.parametrize("name", KEY_VARIABLES)
def test_a_key_leaves_the_environment_for_a_descriptor(name: str) -> None:
    environment = {name: KEY, "HOME": "/"}
    again = hand_over(environment, ["doctor"])
    assert again is not None
    assert again.arguments == ("doctor",)
    assert KEY not in str(environment)
    found = take_over(environment, again.arguments)
    assert found.key is not None
    assert found.key.get_secret_value() == KEY
    assert environment == {"HOME": "/"}
    assert take_over(environment, ["doctor"]) == Passed(("doctor",))


def test_nothing_secret_is_no_reason_to_start_again() -> None:
    environment = {"OPENROUTER_API_KEY": " ", "HOME": "/"}
    plain = ["verify", "--repo", "https://example.org/shop.git", "--base=main", "Why is a token = word here?"]
    assert hand_over(environment, plain) is None
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    "argument",
    [
        f"https://user:{TOKEN}@example.org/shop.git",
        f"https://{TOKEN}@example.org/shop.git",
        f"--repo=https://user:{TOKEN}@example.org/shop.git",
        f"https://example.org/shop.git?access_token={TOKEN}",
        f"https://example.org/shop.git#private_token={TOKEN}",
        f"Fetch https://user:{TOKEN}@example.org/x and describe it",
        f"ssh://git:{TOKEN}@example.org/shop.git",
        f"https://user:{TOKEN}@example.org:no-port/shop.git",
        f"HTTPS://USER:{TOKEN}@EXAMPLE.ORG/shop.git",
        f"api_key={TOKEN}",
        f"--repo=https://user:{TOKEN}@ex ample.org/" + "long " * 20_000,
    ],
)
def test_a_token_leaves_the_arguments_and_arrives_whole(argument: str) -> None:
    environment: dict[str, str] = {}
    given = ["submit-task", argument, "--json"]
    again = hand_over(environment, given)
    assert again is not None
    assert TOKEN not in str([again.arguments, environment])
    assert (again.arguments[0], again.arguments[2]) == ("submit-task", "--json")
    assert take_over(environment, again.arguments) == Passed(tuple(given))


@pytest.mark.parametrize("found", ["", "x", "-1", "777777", "empty"])
def test_a_descriptor_that_says_nothing_is_none(found: str) -> None:
    empty = str(os.open(os.devnull, os.O_RDONLY))
    environment = {"NIGHTCREW_TOLD_IN_SECRET": empty if found == "empty" else found}
    assert take_over(environment, ["doctor"]) == Passed(("doctor",))
    assert environment == {}


def test_a_command_runs_with_neither_key_nor_token_in_what_others_can_read(tmp_path: Path) -> None:
    look = (
        "import sys; from pathlib import Path; import nightcrew.cli.main as cli; "
        "from nightcrew.settings import load_settings; "
        "cli.main = lambda: print(Path('/proc/self/environ').read_bytes(), "
        "Path('/proc/self/cmdline').read_bytes(), chr(30), "
        "load_settings().account.api_key.get_secret_value(), "
        "sys.argv[1:]); from nightcrew.cli.entry import main; main()"
    )
    env = {**os.environ, "OPENROUTER_API_KEY": KEY, "NIGHTCREW_HOME": str(tmp_path)}
    given = ["verify", "--repo", f"https://user:{TOKEN}@example.org/shop.git"]
    result = subprocess.run(
        [sys.executable, "-c", look, *given], env=env, capture_output=True, text=True, timeout=60
    )
    seen, _, found = result.stdout.partition(chr(30))
    assert found.split(" ", 2)[1:] == [KEY, f"{given}\n"], result.stderr
    assert "NIGHTCREW_HOME" in seen
    assert "https://example.org/shop.git" in seen
    assert KEY not in seen
    assert TOKEN not in seen
