"""``python -m vae_workbench``: the terminal."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
