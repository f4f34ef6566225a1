"""Where networks run, and in what precision."""

import contextlib

import torch

from modules import shared

device = cpu = torch.device("cpu")
dtype = dtype_vae = dtype_unet = dtype_inference = torch.float32
patch_module_list = [
    torch.nn.Linear,
    torch.nn.Conv2d,
    torch.nn.MultiheadAttention,
    torch.nn.GroupNorm,
    torch.nn.LayerNorm,
]


class NansException(Exception):
    pass


def torch_gc():
    pass


def test_for_nans(x, where):
    if not shared.cmd_opts.disable_nan_check and torch.isnan(x[(0,) * len(x.shape)]):
        raise NansException(f"A tensor with NaNs was produced in {where}.")


test_for_nans.__test__ = False


def _cast(target_dtype):
    def forward(self, *args, **kwargs):
        before = next(self.parameters()).dtype
        self.to(target_dtype)
        result = self.org_forward(*[arg.to(target_dtype) for arg in args], **kwargs)
        self.to(before)
        return result.to(dtype_inference)

    return forward


@contextlib.contextmanager
def manual_cast(target_dtype):
    for module_type in patch_module_list:
        module_type.org_forward = module_type.forward
        module_type.forward = _cast(target_dtype)
    try:
        yield
    finally:
        for module_type in patch_module_list:
            module_type.forward = module_type.org_forward
            del module_type.org_forward
