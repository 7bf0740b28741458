"""One task from its first plan to its outcome, without Prefect."""
