"""Python environments of target repositories: reads their declarations, builds and caches them."""
