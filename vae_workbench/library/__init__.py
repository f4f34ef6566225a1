"""The user's VAEs and checkpoints, scanned and indexed."""
