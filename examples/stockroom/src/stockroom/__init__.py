"""What a small shop needs to know about its stock."""
