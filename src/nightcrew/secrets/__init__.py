"""Secrets: the account's key, the crew's own passwords, their files, and redaction of text."""
