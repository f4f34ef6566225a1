"""What each model in memory holds as its VAE, and the VAE that its checkpoint brought along.

The web UI remembers one VAE, of one model; it has several models in memory, and uses one model object for one checkpoint after
another. Here each model object has its own record, which goes when the model goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from ...autoencoder.names import canonical_tensors
from ...errors import FileProblem, UnknownArchitecture
from ...lazy_dataclass import dataclass
from ...library.walk import Stamp
from ...weights.inventory import read_inventory
from .swap import complete_in, copy_of, read_weights
from .trial import Trial
from .vae_weights import VaeWeights

PREFIX = "first_stage_model."
"""What precedes the names of the VAE's tensors in the checkpoints that the web UI reads."""


@dataclass(frozen=True)
class WeightsOrigin:
    """What is in the tensors of a VAE.

    Attributes:
        path: the file that it is from; ``None`` for the checkpoint's own, and for what is tried on.
        stamp: the state that the file was in; ``None`` if that is not known, and where there is no file.
        trial: what is tried on.
    """

    path: str | None
    stamp: Stamp | None = None
    trial: Trial | None = None


BAKED_ORIGIN = WeightsOrigin(None)


@dataclass
class LoadedVae:
    """What a model holds.

    Attributes:
        checkpoint: the file whose weights the model has.
        complete: whether that checkpoint brought a whole VAE.
        content: what its VAE is now; ``None`` if that is not known, as after an interrupted load.
        own: the checkpoint's VAE on the CPU, once another one took its place.
        reason: why it is this one, as a phrase.
        warnings: sentences on what was overruled or guessed.
        error: the sentence of the last refusal since, or an empty string.
        offer: the name in the top bar that was refused then, if a person may have it all the same.
    """

    checkpoint: str
    complete: bool
    origin: WeightsOrigin | None = None
    baked: VaeWeights | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""
    offer: str = ""

    def keep_baked(self, network: Any) -> None:
        """Keeps the checkpoint's VAE, which is about to be overwritten; the first time only."""
        if self.baked is None and self.origin == BAKED_ORIGIN:
            self.baked = copy_of(network, self.checkpoint)

    def baked_weights(self, network: Any) -> VaeWeights:
        """The checkpoint's VAE, from memory or from its file.

        Raises:
            DoesNotFit, FileProblem, UnknownArchitecture: the file has none that fits, or cannot be read.
        """
        if self.baked is None:
            self.baked = read_weights(self.checkpoint, network)
        return self.baked


_loaded_vaes: WeakKeyDictionary[Any, LoadedVae] = WeakKeyDictionary()


def find_loaded_vae(model: Any) -> LoadedVae | None:
    """The record of a model, ``None`` if there is none yet."""
    return _loaded_vaes.get(model)


def forget(model: Any) -> None:
    """Drops the record: the model gets the weights of another checkpoint."""
    _loaded_vaes.pop(model, None)


def record_loaded_checkpoint(model: Any, complete: bool) -> LoadedVae:
    """A record for a model that has just got the weights of a checkpoint.

    Args:
        model: with ``sd_checkpoint_info`` of that checkpoint.
        complete: whether they had a whole VAE among them. If not, that of the model is undefined.
    """
    loaded = _loaded_vaes[model] = LoadedVae(
        model.sd_checkpoint_info.filename, complete, BAKED_ORIGIN if complete else None
    )
    return loaded


def adopt(model: Any) -> LoadedVae:
    """A record for a model that the web UI loaded without us, made from what the web UI remembers of it."""
    checkpoint = model.sd_checkpoint_info.filename
    external = getattr(model, "loaded_vae_file", None)
    base: Mapping[str, Tensor] | None = getattr(model, "base_vae", None)
    loaded = LoadedVae(checkpoint, _complete_in_file(checkpoint, model.first_stage_model))
    if external:
        loaded.origin = WeightsOrigin(external)
        loaded.baked = VaeWeights(checkpoint, None, canonical_tensors(base)) if base else None
    elif loaded.complete:
        loaded.origin = BAKED_ORIGIN
    _loaded_vaes[model] = loaded
    return loaded


def _complete_in_file(path: str, network: Any) -> bool:
    try:
        tensors = read_inventory(path).tensors
        return complete_in({name: tensor.shape for name, tensor in tensors.items()}, PREFIX, network)
    except (FileProblem, UnknownArchitecture):
        return False
