"""What can be seen in a change by reading it, without running anything."""
