"""Run by the web UI at each launch. Installs nothing: the web UI brings all that is needed, and this says so if it doesn't."""

from importlib.util import find_spec

NEEDED = {
    "torch": "torch",
    "numpy": "numpy",
    "safetensors": "safetensors",
    "skimage": "scikit-image",
    "PIL": "Pillow",
    "tqdm": "tqdm",
    "gradio": "gradio",
}

missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
if missing:
    print(
        f"VAE Workbench needs {', '.join(missing)}, which this web UI normally brings. "
        f"Install with the web UI's own Python: python -m pip install {' '.join(missing)}"
    )
