"""Which pictures are evaluated, and what of each."""
