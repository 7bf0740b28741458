"""The change under judgement: its patch, its paths, its lines."""
