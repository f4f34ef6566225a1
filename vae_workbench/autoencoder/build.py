"""From a file's tensors to a network: what it is, the network of that shape, the weights in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..errors import InvalidInput, UnknownArchitecture
from . import kl_shape, tiny
from .autoencoder import Autoencoder
from .kl import KLAutoencoder
from .kl_shape import KLShape
from .names import Shape, canonical_shapes, canonical_tensors
from .tiny import TinyAutoencoder, TinyShape

Shapes = Mapping[str, Shape]

UNSUPPORTED: tuple[tuple[str, Callable[[str, Shape], bool]], ...] = (
    ("a VQ autoencoder: it has a codebook (quantize.…)", lambda name, _: name.startswith("quantize.")),
    ("a consistency decoder (decoder_unet.…)", lambda name, _: name.startswith("decoder_unet.")),
    (
        "an asymmetric VAE, whose decoder also wants the picture (condition_encoder)",
        lambda n, _: ".condition_encoder." in n,
    ),
    ("a VAE for video: it mixes frames (mix_factor)", lambda name, _: name.endswith("mix_factor")),
    ("a VAE for video: it has convolutions over time", lambda _, shape: len(shape) == 5),
    (
        "a VAE that folds pixels into channels, as that of Hunyuan Image 2.1",
        lambda name, shape: name.endswith("sample.conv.weight") and len(shape) == 4 and shape[0] != shape[1],
    ),
    ("a tiny autoencoder with pooling blocks, as for Flux.2", lambda name, _: ".pool." in name),
)
"""Kinds of VAE that are known but not run here, each with what gives it away, in the order of asking: name and shape of one
canonical tensor."""


def describe(shapes: Shapes) -> KLShape | TinyShape:
    """What autoencoder these tensors form.

    Args:
        shapes: shapes by name of all tensors of a file, in any of the known ways of naming; what does not belong to a VAE
            is ignored.

    Raises:
        UnknownArchitecture: not a VAE, of a kind that is not run here, or incomplete; it says which, and why.
    """
    return _built(canonical_shapes(shapes))[0]


def build(shape: KLShape | TinyShape) -> Autoencoder:
    """The network on the meta device: it has names, shapes and layers, but no memory and no values."""
    with torch.device("meta"):
        return KLAutoencoder(shape) if isinstance(shape, KLShape) else TinyAutoencoder(shape)


def load_autoencoder(
    tensors: Mapping[str, Tensor], *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Autoencoder:
    """The network with these weights, ready to encode and decode.

    The network takes over tensors that have the device and dtype already, without a copy; it does not write to them.

    Args:
        tensors: by name, in any of the known ways of naming; what does not belong to a VAE is ignored.
        device: where the network is to compute.
        dtype: what it is to compute in: float32, float16 or bfloat16.

    Raises:
        UnknownArchitecture: as :func:`describe`.
        InvalidInput: this torch cannot compute in ``dtype`` on ``device``.
    """
    weights = canonical_tensors(tensors)
    network = _built({name: tuple(tensor.shape) for name, tensor in weights.items()})[1]
    _check_computes(torch.device(device), dtype)
    network.load_state_dict({name: tensor.to(device, dtype) for name, tensor in weights.items()}, assign=True)
    return network.requires_grad_(False).eval()


def _built(shapes: Shapes) -> tuple[KLShape | TinyShape, Autoencoder]:
    """What these canonical tensors form, and the network of :func:`build`, which has exactly them."""
    if not shapes:
        raise UnknownArchitecture("This is no VAE: no tensor has a name that belongs to one", "Choose a VAE file")
    for kind, gives_away in UNSUPPORTED:
        if any(gives_away(name, shape) for name, shape in shapes.items()):
            raise UnknownArchitecture(f"This is {kind}, which cannot be run here", "Choose a KL VAE or a TAESD")
    shape = tiny.measured(shapes) if tiny.is_tiny(shapes) else kl_shape.measured(shapes)
    network = build(shape)
    _check_complete(shapes, network)
    return shape, network


def _check_complete(found: Shapes, network: Autoencoder) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    faults = (
        ("missing", [name for name in expected if name not in found]),
        ("not known", [name for name in found if name not in expected]),
        ("of another shape", [name for name in expected if name in found and found[name] != expected[name]]),
    )
    told = [f"{_tensors(names)} {fault}, for example {names[0]}" for fault, names in faults if names]
    if told:
        raise UnknownArchitecture(f"This is no complete VAE: {'; '.join(told)}", "Choose another copy of the file")


def _tensors(names: list[str]) -> str:
    return "1 tensor is" if len(names) == 1 else f"{len(names)} tensors are"


def _check_computes(device: torch.device, dtype: torch.dtype) -> None:
    """torch before 2.2 or so has no half-precision convolutions and norms on the CPU; trying tells."""
    if dtype == torch.float32:
        return
    try:
        x = torch.zeros(1, 2, 2, 2, device=device, dtype=dtype)
        torch.nn.functional.group_norm(torch.nn.functional.conv2d(x, x[:, :, :1, :1].expand(2, -1, -1, -1)), 1)
    except (RuntimeError, TypeError) as error:
        name = str(dtype).removeprefix("torch.")
        raise InvalidInput(
            f"This version of torch cannot compute in {name} on {device.type} ({str(error).splitlines()[0]})",
            "Use float32",
        ) from None
