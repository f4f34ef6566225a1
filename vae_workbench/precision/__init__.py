"""Finite or not, exact rescaling, the ladder of retries, and the memory of what each VAE needs."""
