"""What the networks make of pictures, and how close that is to them."""
