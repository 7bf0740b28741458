"""`python -m nightcrew.cli`."""

from nightcrew.cli.app import main

main()
