"""The group of all commands: it imports a command's module when that command is asked for.

`nightcrew --help` and every command start faster that way, because most modules need libraries of their own.
"""

from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command_from_info

from nightcrew.cli.commands import COMMANDS, SECTIONS


class CommandGroup(TyperGroup):
    """Knows the commands' names and first lines of help without importing their modules."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None where there is no command of this name."""
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            self._register(COMMANDS[cmd_name].module)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the commands' part of the help page."""
        for section, title in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name, one.help) for name, one in COMMANDS.items() if one.section == section],
                )

    def _register(self, module: str) -> None:
        app = import_module(f"nightcrew.cli.commands.{module}").app
        for info in app.registered_commands:
            self.commands[str(info.name)] = get_command_from_info(
                info, pretty_exceptions_short=app.pretty_exceptions_short, rich_markup_mode=None
            )
