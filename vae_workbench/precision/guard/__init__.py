"""One VAE under guard: the ladder of retries, its hooks and reports."""
