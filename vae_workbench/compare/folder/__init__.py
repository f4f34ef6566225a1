"""A comparison as a folder, and what its files hold."""
