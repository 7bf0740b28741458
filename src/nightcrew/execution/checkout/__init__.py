"""Work trees of target repositories: made, read, compared, removed."""
