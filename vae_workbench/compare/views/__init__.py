"""What else is drawn of a comparison: latents, generation loss, heat maps, the whole grid."""
