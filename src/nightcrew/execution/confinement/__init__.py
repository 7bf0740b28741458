"""Confinement of untrusted commands: bubblewrap, containers, limits, supervision."""
