"""What a VAE did to a picture: in numbers, in words, as the eye notices it, and what it took."""
