"""What a crew keeps secret: the account's key, its own passwords, their files, and text without them."""
