"""Copies, finetunes and merges, told by sketches."""
