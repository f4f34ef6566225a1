"""VAE weights for the network that is in use: read and checked as a whole, then copied into its tensors in place.

The network stays the object that it is, on its device and in its precision, so that hooks on it, closures around it and the
rest of the model are not touched.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ...autoencoder.names import Shape, canonical_names, canonical_shapes, canonical_tensors
from ...choice.fit import differing_shapes
from ...errors import FileProblem, UnknownArchitecture
from ...library.walk import Stamp, stamp_of
from ...weights.reader import WeightsReader, open_weights
from .vae_weights import VaeOnDisk, VaeWeights, scratch_for

SMALL = 50_000_000
"""Bytes of a VAE that is read to memory in any case: its header takes longer to read again than its weights."""


class DoesNotFit(FileProblem):
    """The VAE of a file is not one for the network in use."""


def read_weights(path: str | os.PathLike[str], network: nn.Module) -> VaeWeights:
    """The VAE that a file holds, known to fit ``network`` and to have finite weights only.

    Names and shapes are checked from the file's header, before any weights are read.

    Args:
        path: a VAE or a checkpoint, in any of the known namings and precisions.
        network: the first stage of the model in use.

    Raises:
        DoesNotFit: names or shapes differ, or a weight is NaN or infinite.
        FileProblem: the file cannot be read.
        UnknownArchitecture: two of its names mean the same tensor.
    """
    stamp = stamp_of(path)  # before it is opened: what is put in its place meanwhile is then seen to be another file
    with open_weights(path) as reader:
        return _loaded(path, stamp, reader, _checked_names(path, reader, network))


def read_or_leave(path: str | os.PathLike[str], network: nn.Module, most: float) -> VaeWeights | VaeOnDisk:
    """The same; but a VAE of more than ``most`` bytes is left in its file, to be read once more when it is copied."""
    stamp = stamp_of(path)
    with open_weights(path) as reader:
        tensors, names = reader.inventory.tensors, _checked_names(path, reader, network)
        if sum(tensors[name].nbytes for name in names.values()) <= max(most, SMALL):
            return _loaded(path, stamp, reader, names)
        scratch = scratch_for(reader, names.values())
        _check_finite(path, [name for name in names.values() if not _finite(reader.load(name, scratch))])
        shapes = canonical_shapes({name: tensors[name].shape for name in names.values()})
        return VaeOnDisk(os.fspath(path), stamp, shapes, names)


def _checked_names(path: str | os.PathLike[str], reader: WeightsReader, network: nn.Module) -> dict[str, str]:
    tensors = reader.inventory.tensors
    found = canonical_shapes({name: tensor.shape for name, tensor in tensors.items()})
    _check_shapes(path, found, shapes_of(network))
    return canonical_names(tensors)


def _loaded(
    path: str | os.PathLike[str], stamp: Stamp | None, reader: WeightsReader, names: Mapping[str, str]
) -> VaeWeights:
    loaded = {name: reader.load(name) for name in names.values()}
    _check_finite(path, [name for name, tensor in loaded.items() if not _finite(tensor)])
    return VaeWeights(os.fspath(path), stamp, canonical_tensors(loaded))


def copy_into(network: nn.Module, weights: VaeWeights | VaeOnDisk) -> None:
    """Copies weights into the tensors of the network, which keep device and precision.

    Raises:
        DoesNotFit: names or shapes differ. Nothing was copied.
        FileProblem: the file changed since it was checked, or cannot be read any more. Some may have been copied.
    """
    tensors = network.state_dict(keep_vars=True)
    targets = {name: tensors[inside] for name, inside in _names(tuple(tensors)).items()}
    if {name: tuple(target.shape) for name, target in targets.items()} != weights.shapes:
        _check_shapes(weights.path, weights.shapes, shapes_of(network))
        targets = {name: target.view(weights.shapes[name]) for name, target in targets.items()}
    # Outside of it, web UIs that load their weights in inference mode refuse; inside, all tensors may be written to.
    with torch.inference_mode(), weights.filling() as fill:
        for name, target in targets.items():
            fill(name, target)


def check_fit(weights: VaeWeights, network: nn.Module) -> None:
    """Raises DoesNotFit where names or shapes differ from the network's, or a weight is NaN or infinite."""
    _check_shapes(weights.path, weights.shapes, shapes_of(network))
    _check_finite(weights.path, [name for name, tensor in weights.tensors.items() if not _finite(tensor)])


def copy_of(network: nn.Module, path: str) -> VaeWeights:
    """The weights that the network has now, in memory of their own."""
    tensors = network.state_dict()
    names = _names(tuple(tensors))
    copied = {name: tensors[inside].to("cpu", copy=True).contiguous() for name, inside in names.items()}
    return VaeWeights(path, None, canonical_tensors(copied))


def as_state_dict(network: nn.Module, weights: VaeWeights) -> dict[str, Tensor]:
    """Weights that fit, by the network's own names and in its shapes. Nothing is copied."""
    tensors = network.state_dict()
    names = _names(tuple(tensors))
    return {names[name]: tensor.view(tensors[names[name]].shape) for name, tensor in weights.tensors.items()}


def complete_in(shapes: Mapping[str, Shape], prefix: str, network: nn.Module) -> bool:
    """Whether a state dict of these shapes has every weight of the network under its own name behind ``prefix``."""
    tensors = network.state_dict()
    return all(shapes.get(prefix + name) == tensors[name].shape for name in _names(tuple(tensors)).values())


def rename_in(state_dict: dict[str, Tensor], prefix: str, network: nn.Module) -> bool:
    """Has the VAE in a checkpoint's state dict bear the network's own names behind ``prefix``, in the network's shapes.

    The web UI's loader drops tensors with other names without a word. The dictionary is changed in place, as the loader
    knows it by identity. A VAE that is incomplete or of another shape stays as it is.

    Returns:
        whether the state dict has a whole VAE for the network now.
    """
    tensors = network.state_dict()
    try:
        if complete_in({name: tensor.shape for name, tensor in state_dict.items()}, prefix, network):
            return True
        names = canonical_names(state_dict)
        found = canonical_shapes({name: tuple(state_dict[name].shape) for name in names.values()})
        if found != shapes_of(network):
            return False
    except UnknownArchitecture:
        return False
    weights = {name: state_dict.pop(source) for name, source in names.items()}
    own = _names(tuple(tensors))
    state_dict.update(
        {prefix + own[name]: weight.reshape(tensors[own[name]].shape) for name, weight in weights.items()}
    )
    return True


@lru_cache(maxsize=16)
def _names(names: tuple[str, ...]) -> dict[str, str]:
    """Canonical name → the network's own. Takes longer than copying the weights of a small VAE, and few networks differ."""
    return canonical_names(names)


def shapes_of(network: nn.Module) -> dict[str, Shape]:
    """Shapes of a network's weights, by canonical name."""
    return canonical_shapes({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()})


def _check_shapes(path: str | os.PathLike[str], found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> None:
    if found == wanted:
        return
    name = Path(path).name
    if not found:
        raise DoesNotFit(path, f"{name} holds no VAE", "Choose a VAE file")
    told = differing_shapes(found, wanted)
    raise DoesNotFit(path, f"{name} does not fit this checkpoint: {told}", "Choose a VAE made for this kind of model")


def _check_finite(path: str | os.PathLike[str], damaged: list[str]) -> None:
    if damaged:
        what = f"{Path(path).name} is damaged: NaN or infinite numbers in {_tensors(damaged)}"
        raise DoesNotFit(path, what, "Use another copy of the file")


def _tensors(names: list[str]) -> str:
    return f"{len(names)} of its weights (as {names[0]})"


def _finite(tensor: Tensor) -> bool:
    """NaN and infinity survive a sum, which takes a tenth of the time of looking at each number; a sum may overflow, too."""
    if not tensor.is_floating_point():
        return True
    numbers = tensor.float() if tensor.dtype.itemsize == 1 else tensor  # few versions of torch reckon in 8 bits
    return bool(numbers.sum().isfinite()) or bool(numbers.isfinite().all())
