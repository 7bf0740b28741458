"""Compares the crew with an oracle that knows every model's skill, through the whole pipeline."""
