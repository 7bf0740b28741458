"""The clean room and everything that runs in it."""
