"""The crew's own services: PostgreSQL, Prefect's server and the worker, started, watched and stopped."""
