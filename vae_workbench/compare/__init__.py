"""One picture or latent, many VAEs: decode, measure, draw, report."""
