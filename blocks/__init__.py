"""Prefect blocks: configuration that an operator edits in the UI."""
