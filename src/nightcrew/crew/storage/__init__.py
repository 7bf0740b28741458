"""Where a crew keeps its data: the embedded PostgreSQL of a home, its roles, and backups of all of it."""
