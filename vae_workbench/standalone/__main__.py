"""``python -m vae_workbench.standalone``: the pages without a web UI."""

import os
import sys

from .app import main

if __name__ == "__main__":
    code = main()
    # Threads may still compute, and Python would wait for some and crash in others: so it ends without them.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
