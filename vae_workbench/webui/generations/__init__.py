"""The latents that pictures are made of: kept, decoded by other VAEs too, and made anew from an infotext."""
