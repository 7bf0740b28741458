"""What people do with tasks: submit, follow, cancel and decide on them."""
