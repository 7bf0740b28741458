"""The judged change: its patch, its paths, its lines."""
