"""What happened to one task as spans: for a person as a tree, for a collector by OpenTelemetry."""
