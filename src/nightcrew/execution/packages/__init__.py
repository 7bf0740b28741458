"""Python packages for builds in the sandbox: the configured indexes, and the mirror that serves them.

The build has no network. A mirror in the trusted process serves the operator's indexes: it answers GET for an
index's pages and for the files that they link to, and nothing else. It alone has the credentials.
"""
