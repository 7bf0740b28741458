"""Byte code of the judged trees, made once: a verdict starts a dozen Pythons that import the same files."""
