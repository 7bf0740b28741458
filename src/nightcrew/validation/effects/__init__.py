"""What functions do beside giving a value."""
