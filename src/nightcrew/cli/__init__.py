"""The command line of Nightcrew."""
