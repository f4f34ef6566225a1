"""The guard around the VAEs that make pictures in the web UI."""
