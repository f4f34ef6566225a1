"""The same abilities in a terminal, one module for each command."""
