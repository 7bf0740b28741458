"""The provider's HTTP API: requests, replies, errors, prices."""
