"""Tensors on disk: headers first, then only the bytes needed; whole files written, or nothing."""
