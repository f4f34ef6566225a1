"""Names and shapes of a file, seen as those of an autoencoder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cached_property

from ...autoencoder import kl_shape, tiny
from ...autoencoder.kl_shape import KLShape
from ...autoencoder.names import Shape, canonical_names, canonical_shapes, vae_prefixes
from ...autoencoder.tiny import TinyShape
from ...errors import UnknownArchitecture
from .completion import halves_of, kl_completed, tiny_completed

_LEVEL = re.compile(r"(?:encoder\.down|decoder\.up)\.(\d+)\.")
_KL_LAYER = re.compile(
    r"(?:encoder|decoder)\.(?:down\.\d+|up\.\d+|mid)\.(?:block[._]\d+\.conv[12]|attn[._]\d+\.q)\.weight"
)
_PREVIEW = {f"conv{number}.{kind}" for number in range(1, 9) for kind in ("weight", "bias")}
_CHANGE_OF_SIZE = re.compile(r".+\.(?:(?:down|up)sample\.conv|(?:down|up)_blocks\.\d+\.conv)\.weight")
_LAYER_OF_TINY = re.compile(r"(encoder|decoder)\.(\d+)\.weight")


class Signature:
    """Names and shapes of a file, seen as those of an autoencoder.

    Attributes:
        file_shapes: name in the file → shape, of all tensors.
        names: canonical name → name in the file, of the tensors that may belong to a VAE.
        shapes: canonical name → shape.

    Raises:
        UnknownArchitecture: two names mean the same tensor.
    """

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.file_shapes = shapes
        self.names = canonical_names(shapes)
        self.shapes = canonical_shapes({source: shapes[source] for source in self.names.values()})

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits, equal for equal canonical names and shapes only."""
        content = "".join(f"{name}{list(shape)}\n" for name, shape in sorted(self.shapes.items()))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def any(self, part: str) -> bool:
        """Whether a name contains ``part``."""
        return any(part in name for name in self.shapes)

    def matches(self, pattern: str) -> bool:
        """Whether the pattern is found in all names of the file, one a line."""
        return bool(re.search(pattern, self._file_names, re.MULTILINE))

    @cached_property
    def _file_names(self) -> str:
        return "\n".join(self.file_shapes)

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """See :func:`..autoencoder.names.vae_prefixes`."""
        return vae_prefixes(self.file_shapes)

    @cached_property
    def is_preview(self) -> bool:
        """Whether the names are those of VAE-approx, but for some that are missing."""
        return self.file_shapes.keys() <= _PREVIEW and 2 * len(self.file_shapes) > len(_PREVIEW)

    @cached_property
    def over_time(self) -> bool:
        """Whether there are convolutions over time."""
        return any(len(shape) == 5 for shape in self.shapes.values())

    @cached_property
    def over_samples(self) -> bool:
        """Whether most layers are convolutions along one axis, as those of sound are."""
        ranks = [len(shape) for name, shape in self.file_shapes.items() if "coder." in name and len(shape) > 1]
        return 2 * ranks.count(3) > len(ranks)

    @cached_property
    def folds_pixels(self) -> bool:
        """Whether the resolution changes by folding pixels into channels, so that those convolutions are not square."""
        changes = [shape for name, shape in self.shapes.items() if _CHANGE_OF_SIZE.fullmatch(name) and len(shape) == 4]
        return bool(changes) and all(shape[0] != shape[1] for shape in changes)

    @cached_property
    def is_tiny(self) -> bool:
        return tiny.is_tiny(self.shapes)

    @cached_property
    def has_kl_layers(self) -> bool:
        return any(map(_KL_LAYER.fullmatch, self.shapes))

    @cached_property
    def halves(self) -> tuple[str, ...]:
        return halves_of(self.shapes)

    @cached_property
    def factor(self) -> int:
        """Pixels of the picture for one place of the latent, of a KL autoencoder; 0 if that cannot be told."""
        levels = [int(match[1]) for match in map(_LEVEL.match, self.shapes) if match]
        return 2 ** min(max(levels), 16) if levels else 0

    @cached_property
    def channels(self) -> int:
        """Channels of the latent; 0 if that cannot be told."""
        if isinstance(self.sizes, (KLShape, TinyShape)):
            return self.sizes.latent_channels
        return self._size("post_quant_conv.weight", 1) or self._size("decoder.conv_in.weight", 1) or self._moments // 2

    @property
    def _moments(self) -> int:
        return self._size("encoder.conv_out.weight", 0)

    def _size(self, name: str, axis: int) -> int:
        shape = self.shapes.get(name, ())
        return shape[axis] if axis < len(shape) else 0

    @property
    def image_channels(self) -> tuple[int, ...]:
        """Channels of the picture that goes into the encoder, and of the one that the decoder gives, of the halves that are
        there; empty if they cannot be told."""
        if isinstance(self.sizes, KLShape):
            return tuple(half.image_channels for half in (self.sizes.encoder, self.sizes.decoder) if half)
        if isinstance(self.sizes, TinyShape):
            return tuple(self._image_channels_of_tiny(half) for half in self.halves)
        return ()

    def _image_channels_of_tiny(self, half: str) -> int:
        """Of the first layer of an encoder, or the last of a decoder."""
        matches = filter(None, map(_LAYER_OF_TINY.fullmatch, self._completed))
        layers = sorted((int(match[2]), match[0]) for match in matches if match[1] == half)
        return self._completed[layers[0][1]][1] if half == "encoder" else self._completed[layers[-1][1]][0]

    @property
    def middle_attention(self) -> bool:
        """Whether the halves of a KL autoencoder have attention in their middle; true for others."""
        if not isinstance(self.sizes, KLShape):
            return True
        return all(half.mid_attention for half in (self.sizes.encoder, self.sizes.decoder) if half)

    @property
    def quantised_latents(self) -> bool:
        """Whether the 1×1 convolutions around the latent are there; those of the half that is present will do."""
        return "quant_conv.weight" in self.shapes or "post_quant_conv.weight" in self.shapes

    @property
    def scheme(self) -> str:
        """How the file names its tensors: ``ldm``, ``diffusers`` or ``tiny``."""
        parts = (".layers.", ".resnets.", ".mid_block.", "_blocks.", ".conv_norm_out.")
        if any(part in name for name in self.names.values() for part in parts):
            return "diffusers"
        return "tiny" if self.is_tiny else "ldm"

    @cached_property
    def sizes(self) -> KLShape | TinyShape | str:
        """The sizes of the network, also when some tensors are missing, or why they cannot be told."""
        try:
            return tiny.measured(self._completed) if self.is_tiny else kl_shape.measured(self._completed)
        except UnknownArchitecture as error:
            return error.what.partition(": ")[2] or error.what
        except IndexError:
            return "the shapes of its convolutions make no sense"

    @cached_property
    def _completed(self) -> dict[str, Shape]:
        return tiny_completed(self.shapes) if self.is_tiny else kl_completed(self.shapes)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level of a KL autoencoder, the full resolution first; empty for others."""
        half = isinstance(self.sizes, KLShape) and (self.sizes.decoder or self.sizes.encoder)
        return half.widths if half else ()
