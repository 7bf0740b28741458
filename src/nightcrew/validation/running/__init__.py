"""The clean room and everything that is run in it."""
