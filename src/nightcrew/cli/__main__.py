"""Lets `python -m nightcrew.cli` run the command line."""

from nightcrew.cli.main import main

main()
