"""Which VAE a checkpoint gets in the web UI: its list of files, its settings, its metadata."""
