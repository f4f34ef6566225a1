"""What a comparison is made on: pictures, built-in ones, latents of files and of the last generations."""
