"""Answering an attempt's model calls."""
