"""Commands in a process that is forked from a loaded one and confined before it reads anything."""
