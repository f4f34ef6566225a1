"""Each source through each VAE."""
