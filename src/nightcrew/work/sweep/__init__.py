"""A sweep: measure a repository, and submit tasks about the modules with the least proof."""
