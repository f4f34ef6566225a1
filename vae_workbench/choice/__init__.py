"""Which VAE for this checkpoint, and why; and the preferences behind it."""
