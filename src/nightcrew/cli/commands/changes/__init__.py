"""What people do with changes: judge them, and take over those that were accepted."""
