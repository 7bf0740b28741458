"""The Prefect flows: scheduling, retries, waiting and artifacts around the work."""
