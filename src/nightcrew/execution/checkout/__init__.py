"""Work trees of target repositories: created, read, compared, removed."""
