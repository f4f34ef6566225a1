"""The networks, built from the shapes found."""
