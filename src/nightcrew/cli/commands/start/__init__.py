"""What people need before a first task of their own: a key, a check, a demo."""
