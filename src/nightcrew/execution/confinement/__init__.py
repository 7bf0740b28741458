"""Running commands confined: bubblewrap, limits, supervision."""
