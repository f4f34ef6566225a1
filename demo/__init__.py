"""How the demo VAE was made. Nothing of the extension imports this."""
