"""One module per command or family of commands; importing this package registers them all."""

from nightcrew.cli.commands import initialise, verify

__all__ = ["initialise", "verify"]
