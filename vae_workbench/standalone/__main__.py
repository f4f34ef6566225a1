"""``python -m vae_workbench.standalone``: the pages without a web UI."""

import sys

from .app import main

if __name__ == "__main__":
    sys.exit(main())
