"""Models: which there are, how they are chosen, and what came of it."""
