"""The door to GitHub: pull requests for delivered branches."""
