"""Parts of a change that need no test of their own, and why."""
