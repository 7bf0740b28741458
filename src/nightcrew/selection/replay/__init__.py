"""Runs the selector on recorded outcomes and compares it with the policies it has to beat."""
