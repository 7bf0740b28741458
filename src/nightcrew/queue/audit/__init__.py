"""The audit log: who asked for what, and what was done; a chain of hashes shows every change of it."""
