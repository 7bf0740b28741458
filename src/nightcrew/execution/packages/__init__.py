"""Python packages for environments that are built in the sandbox: which indexes, and how they are reached.

The build has no network. A mirror in the trusted process stands for the operator's indexes: it answers GET
for an index's pages and for the files that those pages link to, and nothing else. Credentials stay with it.
"""
