"""Distillation of a KL autoencoder from TAESD: what the student looks like, what it learns from, how it is pulled.

Encoder and decoder learn apart: the encoder to give TAESD's latents, the decoder to draw the picture from TAESD's latents.
They never meet before the end, which halves the cost of a step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_workbench.autoencoder.autoencoder import Autoencoder
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


@torch.no_grad()
def weaken_(attention: nn.Module) -> None:
    """Makes attention a tenth and keeps it there.

    It sees as many places as the picture has, 4,096 in one of 512², and learns from crops of 64 places: on whole pictures it
    did harm, 25.8 dB against 26.7 without it on the photo of the rocket.
    """
    for weight in attention.proj_out.parameters():
        weight.mul_(0.1)
    attention.requires_grad_(False)


# --- what it learns from ----------------------------------------------------------------------------------------------


Batch = tuple[Tensor, Tensor]
"""Pictures in −1..1 and the teacher's scaled latents of them, both float32."""


def signed(picture: Tensor) -> Tensor:
    """0..255 to −1..1."""
    return picture.float().div(127.5).sub(1)


@torch.no_grad()
def ask(teacher: Autoencoder, pictures: Tensor, device: torch.device) -> Batch:
    """Uint8 pictures N×3×S×S and what ``teacher``, a TAESD, encodes them to."""
    images = signed(pictures.to(device)).contiguous(memory_format=torch.channels_last)
    return images, teacher.encode(images)


# --- how it is pulled -------------------------------------------------------------------------------------------------


def encoded(network: KLAutoencoder, pictures: Tensor) -> Tensor:
    """Pictures in −1..1 to scaled latents, the mean of the posterior."""
    return network.encode(pictures) * SCALE


def decoded(network: KLAutoencoder, latents: Tensor) -> Tensor:
    """Scaled latents to pictures in −1..1."""
    return network.decode(latents / SCALE)


def latent_loss(given: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(given, wanted) + F.mse_loss(given, wanted)


def picture_loss(given: Tensor, picture: Tensor) -> Tensor:
    """How far ``given`` is from the picture, both in −1..1: squares for the decibels, absolute values for quiet areas."""
    return 10 * F.mse_loss(given, picture) + 0.5 * F.l1_loss(given, picture)


def pace(step: int, steps: int, slowing: int) -> float:
    """The learning rate's factor: 20 steps up, then level, in the last ``slowing`` steps down to zero in a straight line."""
    return min(1.0, (step + 1) / 20, (steps - step) / slowing)


MEAN_OF = 100
"""About how many of the last steps the mean of the weights is over. It is better than the weights of the last step alone."""


SAVED_EVERY = 60.0
"""Seconds."""


def train(
    half: nn.Module,
    loss_of: Callable[[Batch], Tensor],
    batches: Callable[[int], Batch],
    steps: int,
    slowing: int,
    save: Path,
    rate: float,
) -> None:
    """Trains the parameters of ``half`` that ask for gradients; goes on where ``save`` left off, if it is there.

    Args:
        half: the part of the student to train.
        loss_of: the loss of a batch.
        batches: the batch of a step.
        steps: how many steps in all, those before ``save`` was written included.
        slowing: in how many of the last steps the learning rate falls to zero.
        save: file for the state, written about each minute.
        rate: the learning rate of Muon; Adam's follows it.
    """
    optimiser = Optimiser(half, OUTER, rate)
    smooth = {name: tensor.detach().clone() for name, tensor in half.state_dict().items()}
    start, mean, began = 0, 0.0, time.monotonic()
    if save.exists():
        state = torch.load(save, weights_only=True)
        half.load_state_dict(state["half"])
        optimiser.restore(state["optimiser"])
        smooth = state["mean"]
        start = state["step"]
    saved = began
    for step in range(start, steps):
        batch = batches(step)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(batch)
        optimiser.step(loss, pace(step, steps, slowing))
        for name, tensor in half.state_dict().items():
            smooth[name].lerp_(tensor, 1 / min(step + 1, MEAN_OF))
        mean = loss.item() if step == start else 0.98 * mean + 0.02 * loss.item()
        if time.monotonic() - saved > SAVED_EVERY or step + 1 == steps:
            saved = time.monotonic()
            print(f"{save.stem} step {step + 1}/{steps}: loss {mean:.4f}, {saved - began:.0f} s", flush=True)
            new = save.with_suffix(".new")
            torch.save(
                {"half": half.state_dict(), "mean": smooth, "optimiser": optimiser.state(), "step": step + 1}, new
            )
            new.replace(save)
