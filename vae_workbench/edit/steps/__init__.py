"""The steps that a recipe can have, one a file."""
