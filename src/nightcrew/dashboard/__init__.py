"""The crew as seen from outside: a read-only dashboard for people, and metrics for Prometheus."""
