"""Means, intervals and paired differences of all that was measured."""
