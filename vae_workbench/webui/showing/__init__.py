"""What the web UI shows of the VAE in use: selector, line, tab, infotext, X/Y/Z plot."""
