"""The catalogue: which models there are, their features and their current prices."""
