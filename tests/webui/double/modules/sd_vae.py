"""The list of VAE files."""

import glob
import os

from modules import paths, shared

vae_path = os.path.join(paths.models_path, "VAE")
vae_dict = {}


def refresh_vae_list():
    vae_dict.clear()
    for folder in filter(None, (vae_path, shared.cmd_opts.vae_dir)):
        for ending in ("ckpt", "pt", "safetensors"):
            for filepath in glob.iglob(os.path.join(folder, f"**/*.{ending}"), recursive=True):
                vae_dict[os.path.basename(filepath)] = filepath
