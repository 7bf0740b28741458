"""Delivers accepted changes: as a branch of the source repository, or into a person's checkout."""
