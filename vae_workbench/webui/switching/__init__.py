"""What changes the weights of a VAE in use, and what each model holds."""
