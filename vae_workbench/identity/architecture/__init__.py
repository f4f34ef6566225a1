"""Which published architecture the names and shapes of some tensors are, also where some are missing."""
