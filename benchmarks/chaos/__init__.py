"""Random faults against a real crew: see `__main__`."""
