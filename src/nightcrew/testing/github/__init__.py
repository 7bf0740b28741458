"""The twin of GitHub: repositories, issues and pull requests on loopback, in the wire format of GitHub."""
