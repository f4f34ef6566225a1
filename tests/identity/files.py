"""Files that the tests of this room identify: small VAEs and checkpoints, converted in every way that people do."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.names import diffusers_names
from vae_workbench.identity.examine import examine
from vae_workbench.identity.sketch import Sketch

Tensors = dict[str, torch.Tensor]

SHARED = Path(os.environ.get("VAEWB_SHARED") or Path(__file__).resolve().parents[3] / "shared")
SIGNATURES = SHARED / "data" / "signatures.json"
TAESD = SHARED / "data" / "taesd"

FAMILIES: dict[str, dict[str, tuple[int, ...]]] = {
    "sd1": {
        "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": (77, 768),
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    },
    "sd2": {
        "cond_stage_model.model.positional_embedding": (77, 1024),
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024),
    },
    "sdxl": {
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (768,),
        "conditioner.embedders.1.model.ln_final.weight": (1280,),
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
    },
    "sdxl-refiner": {
        "conditioner.embedders.0.model.ln_final.weight": (1280,),
        "model.diffusion_model.input_blocks.0.0.weight": (384, 4, 3, 3),
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (768, 1280),
    },
    "sd3": {
        "model.diffusion_model.x_embedder.proj.weight": (1536, 16, 2, 2),
        "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536),
    },
    "flux1": {
        "model.diffusion_model.double_blocks.0.img_attn.qkv.weight": (9216, 3072),
        "model.diffusion_model.img_in.weight": (3072, 64),
    },
}
"""Tell-tale tensors of checkpoints as they are published."""


@lru_cache(maxsize=16)
def _random_kl(seed: int, latent_channels: int) -> Tensors:
    shape = KLShape.standard(width=32, multipliers=(1, 1, 1, 1), blocks=1, latent_channels=latent_channels)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return {name: value.detach().clone() for name, value in KLAutoencoder(shape).state_dict().items()}


def small_kl(seed: int = 0, latent_channels: int = 4) -> Tensors:
    """The tensors of a KL autoencoder of half a million random weights, LDM names; the same for the same seed."""
    return dict(_random_kl(seed, latent_channels))


def checkpoint(family: str, vae: Mapping[str, torch.Tensor], prefix: str = "first_stage_model.") -> Tensors:
    """A checkpoint with hardly any weights, except those of its VAE. Sizes beyond the tell-tale ones are cut."""
    model = {name: torch.zeros(1, *shape[1:]) for name, shape in FAMILIES[family].items()}
    return model | {prefix + name: tensor for name, tensor in vae.items()}


def sparse(path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str = "F32", size: int = 4) -> Path:
    """A safetensors file of these shapes, all zero, that takes no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + torch.Size(shape).numel() * size
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def signatures() -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes by name of published architectures; empty without the shared data."""
    if not SIGNATURES.exists():
        return {}
    found = json.loads(SIGNATURES.read_text(encoding="utf-8"))["architectures"]
    return {key: {name: tuple(shape) for name, shape in it["tensors"].items()} for key, it in found.items()}


def cast(tensors: Tensors, *dtypes: torch.dtype) -> Tensors:
    """Converted from one format to the next, in order."""
    for dtype in dtypes:
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    return tensors


def in_diffusers_names(tensors: Tensors) -> Tensors:
    """Named and shaped as in diffusers."""
    names = diffusers_names(tensors)
    return {
        names[name]: tensor.reshape(tensor.shape[:2]) if ".to_" in names[name] and tensor.ndim == 4 else tensor
        for name, tensor in tensors.items()
    }


def prefixed(tensors: Tensors, prefix: str) -> Tensors:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def save(path: Path, tensors: Tensors, container: str = "safetensors", metadata: dict[str, str] | None = None) -> Path:
    """Writes them as ``safetensors``, ``torch-zip``, ``torch-legacy``, or ``deflated`` (a zip that someone packed again)."""
    if container == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
        return path
    torch.save({"state_dict": tensors}, path, _use_new_zipfile_serialization=container != "torch-legacy")
    if container == "deflated":
        packed = path.with_name(path.name + ".packed")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        packed.replace(path)
    return path


def mixed(shares: Mapping[str, float] | float, one: Tensors, other: Tensors) -> Tensors:
    """A merge: ``share`` of one and the rest of the other; by a name's beginning, or alike for all."""

    def share_of(name: str) -> float:
        if isinstance(shares, float):
            return shares
        return next(share for start, share in shares.items() if name.startswith(start))

    return {name: share_of(name) * one[name] + (1 - share_of(name)) * other[name] for name in one}


@lru_cache(maxsize=16)
def _finetune(seed: int, amount: float) -> Tensors:
    noise = torch.Generator().manual_seed(seed)
    return {
        name: tensor + amount * (tensor.abs().mean() + 1e-3) * torch.randn(tensor.shape, generator=noise)
        for name, tensor in small_kl().items()
    }


def finetune(seed: int, amount: float = 0.2) -> Tensors:
    """The base, with every weight changed by about this share."""
    return dict(_finetune(seed, amount))


def sketch_of(tensors: Tensors, container: str = "safetensors") -> Sketch:
    """The sketch of these tensors, by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        sketch = examine(save(Path(folder) / "m", tensors, container)).sketch
    assert sketch is not None
    return sketch
