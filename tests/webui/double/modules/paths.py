"""Where the web UI keeps its files."""

import os
import tempfile

models_path = os.path.join(tempfile.mkdtemp(prefix="vaewb-double-"), "models")
