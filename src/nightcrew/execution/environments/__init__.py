"""Python environments of target repositories: what they declare, how they are built."""
