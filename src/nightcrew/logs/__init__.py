"""Log lines of the crew: their form, the work they belong to, rotation, and reading them."""
