"""Distillation of a KL autoencoder from TAESD: what the student looks like, what it learns from, how it is pulled.

Encoder and decoder learn apart: the encoder to give TAESD's latents, the decoder to draw the picture from TAESD's latents.
They never meet before the end, which halves the cost of a step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.latent_space import LATENT_SPACES

from .muon import Optimiser

SCALE = LATENT_SPACES["sd1"].scale

SHAPE = KLShape.standard(width=64, multipliers=(1, 1, 1, 2))
"""Narrow everywhere but not at the top: with 32 channels there, the 32 groups of the norms would be single channels, and
the last norm would wipe out how bright each channel is. Such a decoder draws every plain picture in the same colour; it
was 2.2 dB behind this one after the same 200 steps."""

LOGVAR = -17.0
"""The log-variance that the encoder gives everywhere, about what the SD1 encoder gives: no noise to speak of."""

OUTER = ("conv_in.weight", "conv_out.weight", "quant_conv.weight")

STORED = torch.float16


def student(seed: int) -> KLAutoencoder:
    """An untrained network that starts simple: blocks add nothing, upsampling is linear, latents have unit variance inside."""
    torch.manual_seed(seed)
    network = KLAutoencoder(SHAPE)
    for name, weight in network.named_parameters():
        if name.rpartition(".")[0].endswith(("conv2", "proj_out")):
            nn.init.zeros_(weight)
    for name, layer in network.named_modules():
        if name.endswith("upsample.conv"):
            as_tent_(layer)
    with torch.no_grad():
        network.quant_conv.weight.copy_(torch.eye(8)[..., None, None] / SCALE)
        network.quant_conv.weight[4:] = 0
        network.quant_conv.bias.copy_(torch.tensor([0.0] * 4 + [LOGVAR] * 4))
        network.post_quant_conv.weight.copy_(torch.eye(4)[..., None, None] * SCALE)
        network.post_quant_conv.bias.zero_()
    return network


@torch.no_grad()
def as_tent_(layer: nn.Conv2d) -> None:
    """Makes ``layer`` blur each channel by (1 2 1)/4, which after a nearest-neighbour ×2 is linear interpolation."""
    tent = torch.tensor([0.25, 0.5, 0.25])
    layer.weight.zero_()
    layer.bias.zero_()
    for channel in range(layer.weight.shape[0]):
        layer.weight[channel, channel] = tent[:, None] * tent


# --- what it learns from ----------------------------------------------------------------------------------------------


Batch = tuple[Tensor, Tensor, Tensor]
"""Pictures in −1..1, the teacher's scaled latents, the teacher's pictures in −1..1; all float32."""


@dataclass(frozen=True)
class Bank:
    """Crops and what the teacher makes of them.

    Attributes:
        pictures: uint8 N×3×S×S.
        latents: the teacher's, scaled, float16 N×4×S/8×S/8.
        drawn: the teacher's pictures from these latents, uint8 N×3×S×S.
    """

    pictures: Tensor
    latents: Tensor
    drawn: Tensor

    def batch(self, seed: int, pixels: int, device: torch.device) -> Batch:
        """Random crops of about ``pixels`` in all, the same for the same seed: see :data:`Batch`."""
        rng = torch.Generator().manual_seed(seed)
        size = max(1, round(pixels / self.pictures[0, 0].numel()))
        index = torch.randint(len(self.pictures), (size,), generator=rng)
        return (
            signed(self.pictures[index].to(device)),
            self.latents[index].to(device).float(),
            signed(self.drawn[index].to(device)),
        )


def signed(picture: Tensor) -> Tensor:
    """0..255 to −1..1."""
    return picture.float().div(127.5).sub(1)


def ask(teacher: nn.Module, pictures: Tensor, device: torch.device, batch_pixels: int = 1 << 18) -> Bank:
    """What ``teacher``, a TAESD, makes of uint8 pictures N×3×S×S."""
    latents, drawn = [], []
    for part in pictures.split(max(1, batch_pixels // pictures[0, 0].numel())):
        given = teacher.encode(signed(part.to(device)).contiguous(memory_format=torch.channels_last))
        latents.append(given.half().cpu())
        drawn.append(((teacher.decode(given).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().contiguous())
    return Bank(pictures, torch.cat(latents), torch.cat(drawn))


# --- how it is pulled -------------------------------------------------------------------------------------------------


def encoded(network: KLAutoencoder, pictures: Tensor) -> Tensor:
    """Pictures in −1..1 to scaled latents, the mean of the posterior."""
    return network.encode(pictures) * SCALE


def decoded(network: KLAutoencoder, latents: Tensor) -> Tensor:
    """Scaled latents to pictures in −1..1."""
    return network.decode(latents / SCALE)


def latent_loss(given: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(given, wanted) + F.mse_loss(given, wanted)


def edges(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.diff(dim=2), x.diff(dim=3)


def picture_loss(given: Tensor, picture: Tensor, drawn: Tensor) -> Tensor:
    """How far ``given`` is from the picture and from what the teacher drew, both in −1..1.

    The latents do not tell the finest texture. Pulled to the picture alone the student would average over all that it might
    be, which is blur; the teacher has made up its mind, always in the same way, so that its edges can be learnt. The picture
    has the say about colour (8×8 means) and about half of the rest.
    """
    exact = F.l1_loss(given, picture) + F.l1_loss(given, drawn) + 2 * F.mse_loss(given, picture)
    sharp = sum(F.l1_loss(a, b) for a, b in zip(edges(given), edges(drawn), strict=True))
    tones = F.l1_loss(F.avg_pool2d(given, 8), F.avg_pool2d(picture, 8))
    return exact + 0.5 * sharp + tones


def pace(step: int, steps: int) -> float:
    """The learning rate's factor: 20 steps up, level for 40 % of the time, then down to zero in a straight line."""
    return min(1.0, (step + 1) / 20, (steps - step) / (0.6 * steps))


def train(
    half: nn.Module,
    loss_of: Callable[[Batch], Tensor],
    batches: Callable[[int], Batch],
    steps: int,
    save: Path,
    rate: float = 0.02,
) -> None:
    """Trains the parameters of ``half`` that ask for gradients; goes on where ``save`` left off, if it is there.

    Args:
        half: the part of the student to train.
        loss_of: the loss of a batch.
        batches: the batch of a step.
        steps: how many steps in all.
        save: file for the state, written every 250 steps.
        rate: the learning rate of Muon; Adam's follows it.
    """
    optimiser = Optimiser(half, OUTER, rate)
    start, mean, began = 0, 0.0, time.monotonic()
    if save.exists():
        state = torch.load(save, weights_only=True)
        half.load_state_dict(state["half"])
        optimiser.restore(state["optimiser"])
        start = state["step"]
    for step in range(start, steps):
        loss = loss_of(batches(step))
        optimiser.step(loss, pace(step, steps))
        mean = loss.item() if step == start else 0.98 * mean + 0.02 * loss.item()
        if (step + 1) % 50 == 0:
            print(f"{save.stem} step {step + 1}/{steps}: loss {mean:.4f}, {time.monotonic() - began:.0f} s", flush=True)
        if (step + 1) % 250 == 0 or step + 1 == steps:
            torch.save({"half": half.state_dict(), "optimiser": optimiser.state(), "step": step + 1}, save)
