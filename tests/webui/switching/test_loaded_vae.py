"""The checkpoint's own VAE, kept while another one is in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from modules import sd_vae
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from tests.webui.world import World, digest
from vae_workbench.autoencoder.names import canonical_tensors
from vae_workbench.webui.switching.loaded_vae import find_loaded_vae


class Elsewhere(Tensor):
    """A tensor that says it is on another device than the CPU, for machines that have no other; what is made of it is there
    too, until it is moved to the CPU."""

    inside: Tensor

    @staticmethod
    def __new__(cls, inside: Tensor) -> Elsewhere:
        # Of the devices that every torch can name, only this one needs no driver.
        made = Tensor._make_wrapper_subclass(cls, inside.shape, dtype=inside.dtype, device="meta")
        made.inside = inside
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        inside, options = tree_map_only(Elsewhere, lambda tensor: tensor.inside, (args, kwargs or {}))
        out = func(*inside, **options)
        if options.get("device") == torch.device("cpu"):
            return out
        return args[0] if func is torch.ops.aten.copy_.default else tree_map_only(Tensor, cls, out)


def move_elsewhere(network: nn.Module) -> None:
    for module in network.modules():
        for name, weight in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(Elsewhere(weight.detach()), requires_grad=False))


def kept(model: Any) -> Mapping[str, Tensor]:
    """The copy of the checkpoint's VAE, the web UI's or ours."""
    loaded = find_loaded_vae(model)
    return loaded.baked.tensors if loaded and loaded.baked else sd_vae.base_vae


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
def test_d23_the_copy_is_in_main_memory(world: World) -> None:
    """Where a checkpoint was loaded onto the GPU with another VAE, the copy of its own stayed there, 167 or 335 MB."""
    world.load("tiny.safetensors")
    network = world.model.first_stage_model
    move_elsewhere(network)
    sd_vae.load_vae(world.model, str(world.vaes / "a.safetensors"), "in a test")
    assert {tensor.device.type for tensor in kept(world.model).values()} == {"cpu"}
    assert digest(canonical_tensors(kept(world.model))) == world.baked("tiny.safetensors")
    assert world.vae == world.file("a.safetensors")
    sd_vae.load_vae(world.model, None)
    assert world.vae == world.baked("tiny.safetensors")
    assert all(isinstance(weight, Elsewhere) for weight in network.parameters())
