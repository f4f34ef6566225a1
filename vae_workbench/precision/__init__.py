"""Finite or not, and exact rescaling."""
