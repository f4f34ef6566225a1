"""The app without a web UI, and its demo files."""
