"""Where networks run, and in what precision."""

import torch

device = cpu = torch.device("cpu")
dtype = dtype_vae = dtype_unet = torch.float32


def torch_gc():
    pass
