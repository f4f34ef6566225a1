"""Pictures drawn by code that show what VAEs differ in: small eyes, fine lines, leaves, night, skin, gradients, text."""
