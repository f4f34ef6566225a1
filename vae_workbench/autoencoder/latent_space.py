"""The latent spaces that diffusion models work in, and the units of their latents.

A diffusion model sees ``scaled = (raw − shift) · scale``, which has about unit variance; a KL autoencoder gives and takes
``raw``. Two autoencoders can have the same names and shapes and yet different latent spaces (SD1 and SDXL).
"""

from __future__ import annotations

from torch import Tensor

from ..lazy_dataclass import dataclass


@dataclass(frozen=True)
class LatentSpace:
    """A latent space by name.

    Attributes:
        name: the key in :data:`LATENT_SPACES`.
        channels: channels of a latent.
        scale: factor from raw to scaled.
        shift: subtracted from raw before scaling.
    """

    name: str
    channels: int
    scale: float
    shift: float = 0.0

    def to_scaled(self, raw: Tensor) -> Tensor:
        """Raw latents in the units of the diffusion model."""
        return (raw - self.shift) * self.scale

    def to_raw(self, scaled: Tensor) -> Tensor:
        """Latents of the diffusion model in the units of a KL autoencoder, with the very operations of the LDM code base and of
        SD3's, so that the numbers are theirs to the last bit."""
        return scaled / self.scale + self.shift if self.shift else 1.0 / self.scale * scaled


# Scale and shift are "scale_factor" in the LDM configurations of SD1, SD2 and SDXL, and "scaling_factor" and "shift_factor"
# in the published diffusers configurations of the others. Flux.2 normalises its latents by statistics that the file
# carries (kl.LatentNorm) instead of by two constants.
_SPACES = (
    LatentSpace("sd1", channels=4, scale=0.18215),
    LatentSpace("sdxl", channels=4, scale=0.13025),
    LatentSpace("sd3", channels=16, scale=1.5305, shift=0.0609),
    LatentSpace("flux1", channels=16, scale=0.3611, shift=0.1159),
    LatentSpace("flux2", channels=32, scale=1.0),
)

LATENT_SPACES = {space.name: space for space in _SPACES}
"""By name: ``sd1`` (SD2 too), ``sdxl``, ``sd3`` (3.5 too), ``flux1``, ``flux2``."""
