"""Answers an attempt's model calls."""
