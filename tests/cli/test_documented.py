"""Every command has help, knows --json where it reports something, and is in the README."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import typer
from typer.main import get_command

from nightcrew.cli.app import app
from nightcrew.cli.commands import COMMANDS

for command in COMMANDS.values():
    import_module(f"nightcrew.cli.commands.{command.module}")

README = Path(__file__).parents[2] / "README.md"
WITHOUT_JSON = {"demo"}


def commands() -> dict[str, typer.models.CommandInfo]:
    return {str(info.name): info for info in app.registered_commands}


def test_the_table_of_commands_is_what_their_modules_register() -> None:
    registered = {name: str(info.callback.__module__) for name, info in commands().items() if info.callback}
    assert {name: f"nightcrew.cli.commands.{one.module}" for name, one in COMMANDS.items()} == registered


def test_the_help_page_shows_the_start_of_each_commands_own_help() -> None:
    group = get_command(app)
    helps = {name: one.help or "" for name, one in group.commands.items()}  # type: ignore[attr-defined]
    assert {name: helps[name].partition(". ")[0].partition("\n")[0].rstrip(".") for name in COMMANDS} == {
        name: one.help.rstrip(".") for name, one in COMMANDS.items()
    }


def test_the_help_page_imports_no_command_and_no_settings() -> None:
    script = (
        "import sys; from nightcrew.cli.entry import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "late = ('nightcrew.cli.commands.', 'nightcrew.settings', 'rich.', 'asyncio', 'sqlalchemy')\n"
        "print([one for one in sys.modules if one.startswith(late)])"
    )
    page = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True
    )
    assert "submit-task" in page.stdout
    assert page.stdout.splitlines()[-1] == "[]"


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text()
    assert [name for name in commands() if f"`{name}`" not in text and f"make {name}" not in text] == []


def test_every_command_and_option_has_help() -> None:
    group = get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        assert [p.name for p in command.params if not getattr(p, "help", None)] == [], name


def test_every_command_that_reports_takes_json() -> None:
    group = get_command(app)
    missing = [
        name
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        if name not in WITHOUT_JSON and not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert missing == []


def test_the_originals_commands_and_flags_are_there() -> None:
    group = get_command(app)
    original = {
        "submit-task": {
            "--task-type", "--description", "--target-file", "--priority", "--complexity",
            "--quality-threshold",
        },
        "get-status": {"--task-id"},
        "queue-stats": set(),
        "metrics": set(),
        "run-engine": {"--workers", "--duration"},
        "select-model": {"--task-type", "--complexity", "--quality-threshold"},
    }  # fmt: skip
    for name, flags in original.items():
        command = group.commands[name]  # type: ignore[attr-defined]
        has = {option for parameter in command.params for option in parameter.opts}
        assert flags <= has, name
