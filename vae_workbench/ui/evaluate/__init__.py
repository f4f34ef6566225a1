"""The page on which VAEs are evaluated over a folder of pictures."""
