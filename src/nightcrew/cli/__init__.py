"""Nightcrew's command line."""

from nightcrew.cli.app import main

__all__ = ["main"]
