"""Test runs in processes that are forked from one with pytest loaded, which never reads a repository."""
