"""The direct executor, and the briefing and context for all executors."""
