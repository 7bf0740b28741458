"""Lets `python -m nightcrew.cli` run the command line."""

from nightcrew.cli.entry import main

main()
