"""Baking a VAE in the web UI's checkpoint merger: checked before the merge begins, and then written wholly.

The merger bakes only tensors whose names the checkpoint and the VAE file share, of any shape. Its checkpoint in the making is
a local variable that nobody else sees; but the checkpoints that go into it are read through ``sd_models.read_state_dict``,
and the VAE through ``sd_vae.load_vae_dict``, both looked up when they are called. So while a merge bakes, each checkpoint that
its thread reads has the VAE to be baked instead of its own, and the VAE has the checkpoint's names: the merger's own steps
(merging, float16, discarding, metadata, saving) find everything in place and stay as they are. Nothing else of its inside is
relied on.
"""

from __future__ import annotations

import html
import inspect
from contextvars import ContextVar
from typing import Any

import gradio as gr
from modules import extras, sd_models, sd_vae
from torch import Tensor

from ...autoencoder.build import build, describe
from ...autoencoder.kl_shape import KLShape
from ...choice.fit import defect, misfit, title, vae_traits
from ...errors import InvalidInput, WorkbenchError
from ...weights.inventory import read_inventory
from ..choosing import vae_list
from ..library import library
from ..log import logger, tell
from ..patching import Function, replace
from .loaded_vae import PREFIX
from .swap import read_weights
from .switch import NONE
from .vae_weights import VaeWeights

DROPDOWNS = 4
"""Of checkpoints, which the merger's result updates before its sentence."""

_baking: ContextVar[dict[str, Tensor] | None] = ContextVar("vaewb_baking", default=None)
"""The VAE's tensors by canonical name, while this thread merges."""


def patch_merger() -> None:
    """Puts our functions around the merger's; called before the page is built."""
    replace(extras, "run_modelmerger", _run_modelmerger)
    forge = hasattr(sd_vae, "load_torch_file")  # by which its merger reads both
    replace(sd_models, "load_torch_file" if forge else "read_state_dict", _read_state_dict)
    replace(sd_vae, "load_torch_file" if forge else "load_vae_dict", _load_vae_dict)


def to_bake(name: str, checkpoint: str) -> VaeWeights:
    """The VAE of a name in the list, known to be whole and finite, and to fit the first checkpoint of a merge.

    Args:
        name: of the list.
        checkpoint: the file of the merge's primary model, with or without a VAE of its own.

    Raises:
        InvalidInput: there is no such VAE, or it cannot serve this checkpoint.
        FileProblem: one of the files cannot be read; the VAE's shapes differ from the checkpoint's, or it is damaged.
        UnknownArchitecture: the VAE is of a kind that no checkpoint holds.
    """
    path = vae_list.find(name)
    if path is None:
        raise InvalidInput(f"There is no VAE {name!r} to bake in", "Refresh the list and choose another, or None")
    target, file = library().entry(checkpoint), library().entry(path)
    vae = vae_traits(file)
    if vae is None:
        raise InvalidInput(f"{file.name} cannot be baked in: {defect(file)}", "Choose a VAE, or None")
    fault = misfit(target, vae)
    if fault and fault.certain:
        told = f"{file.name} cannot be baked into {title(target)}: {fault.why}"
        raise InvalidInput(told, "Choose another VAE, or None")
    if fault:
        told = f"{file.name} is baked in all the same: {fault.why}."
        logger.warning("%s", told)
        tell(told)
    model = checkpoint if vae_traits(target) else path
    shape = describe({name: tensor.shape for name, tensor in read_inventory(model).tensors.items()})
    if not (isinstance(shape, KLShape) and shape.encoder and shape.decoder):
        raise InvalidInput(f"{file.name} cannot be baked in: it is only half a VAE", "Choose a whole VAE, or None")
    return read_weights(path, build(shape))


def _run_modelmerger(original: Function) -> Function:
    signature = inspect.signature(original)

    def run_modelmerger(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        name, primary = given.get("bake_in_vae"), sd_models.checkpoints_list.get(given.get("primary_model_name"))
        if name in (None, "", NONE) or primary is None:
            return original(*args, **kwargs)
        try:
            weights = to_bake(str(name), primary.filename)
        except WorkbenchError as error:
            logger.warning("%s", error)
            return [*(gr.update() for _ in range(DROPDOWNS)), html.escape(f"Nothing was merged. {error}")]
        token = _baking.set({name: tensor.contiguous() for name, tensor in weights.tensors.items()})
        try:
            return original(*args, **kwargs)
        finally:
            _baking.reset(token)

    return run_modelmerger


def _read_state_dict(original: Function) -> Function:
    def read_state_dict(*args: Any, **kwargs: Any) -> Any:
        tensors, vae = original(*args, **kwargs), _baking.get()
        if vae is not None:
            tensors.update((PREFIX + name, tensor) for name, tensor in vae.items())
        return tensors

    return read_state_dict


def _load_vae_dict(original: Function) -> Function:
    def load_vae_dict(*args: Any, **kwargs: Any) -> Any:
        vae = _baking.get()
        return original(*args, **kwargs) if vae is None else dict(vae)

    return load_vae_dict
