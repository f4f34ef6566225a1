"""What a file is: architecture, latent space, sketch, known name, baked or not — each with its reasons."""
