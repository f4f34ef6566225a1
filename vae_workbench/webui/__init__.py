"""The only door to the web UI's own modules."""
