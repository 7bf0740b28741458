"""Three hosts of one crew, each in a network namespace of its own: one is killed, one cut off."""
