"""With what the crew works: Prefect blocks that an operator edits in the UI."""
