"""The formats in which a model can hand over edits, compared."""
