"""The crew itself: its services, logs, web pages and backups."""
