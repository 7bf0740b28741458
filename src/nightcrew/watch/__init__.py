"""From an issue on GitHub to a task, and from its pull request to what people made of it."""
