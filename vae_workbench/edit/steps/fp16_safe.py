"""The VAE with its activations made smaller in the weights themselves, so that any program can run it in fp16.

What :mod:`...precision.scales` does to a running network is done to the file, but for one thing: a file cannot carry the ``eps``
of its norms. A value that is divided by 2ᵉ is normalised as if ``eps`` were 4ᵉ times as large, which is nothing as long as its
variance is far above. So scales are kept small: several ceilings are tried, and of those that hold, the one is taken that
gives the most exact pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...autoencoder.autoencoder import require_rgb
from ...autoencoder.build import load_autoencoder
from ...autoencoder.kl import KLAutoencoder
from ...errors import InvalidInput
from ...identity.colour_probe import chart
from ...precision.finite import all_finite
from ...precision.maxima import FP16_MAX, Maxima, measuring
from ...precision.scales import Rescaled, exponents_for
from ...precision.structure import HALVES, Half, parts_of
from ...progress import Progress, part
from ..lazy_tensor import LazyTensor
from ..open_files import OpenFiles
from ..state import State

CEILINGS = (2.0**12, 2.0**13, 2.0**14, 2.0**10)
"""What the largest activation seen is brought down to, in the order of trying: 16 times below the largest fp16 number, for
pictures that are yet to come, and others where ``eps`` or rounding stands against that."""

MOST_OF_OWN_ERROR = 2.0
"""Times the error that fp16 itself makes, with scales that change nothing else, that the file may be off by."""

SMALLEST_HEADROOM = 2.0
"""Times that activations must be able to grow before they overflow."""

NOISE = 5.5
"""Standard deviation of raw SD1 latents, 1 / 0.18215: what is decoded where there is no encoder."""


@dataclass(frozen=True)
class Fp16Safe:
    """Scales the weights so that nothing overflows in fp16, where it would.

    It is checked in fp16 with what is given, a chart of colours and what the VAE's own encoder makes of them.

    Attributes:
        pictures: 1×3×H×W in −1..1.
        latents: raw, B×C×h×w.
    """

    pictures: tuple[Tensor, ...] = ()
    latents: tuple[Tensor, ...] = ()

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:  # noqa: ARG002
        tensors = state.load_vae()
        network = load_autoencoder(tensors)
        if not isinstance(network, KLAutoencoder):
            raise InvalidInput(
                f"{state.name} is a tiny autoencoder", "It cannot overflow: there is nothing to make safe"
            )
        require_rgb(network, state.name)
        inputs = self._inputs(network, part(progress, 0, 0.2))
        exponents: dict[Half, dict[str, int]] = {}
        told, changed = [], dict[str, Tensor]()
        present = [half for half in HALVES if inputs[half]]
        for number, half in enumerate(present):
            within = part(progress, 0.2 + 0.8 * number / len(present), 0.2 + 0.8 * (number + 1) / len(present))
            found = _made_safe(network, half, inputs[half], tensors, state.name, within)
            told.append(found.told)
            exponents[half] = found.exponents
            changed |= found.tensors
        made = {name: LazyTensor.of(tensor.reshape(state.vae(name).shape)) for name, tensor in changed.items()}
        done = {"step": "fp16-safe", "exponents": exponents}
        return state.changed(made, done, *told) if made else state.noted(*told)

    def _inputs(self, network: KLAutoencoder, progress: Progress) -> dict[Half, list[Tensor]]:
        pictures = [chart(network.downscale), *self.pictures] if network.has_encoder else []
        pictures = [_whole_places(picture, network.downscale) for picture in pictures]
        latents = list(self.latents)
        for number, picture in enumerate(pictures):
            with torch.inference_mode():
                encoded = network.encode(picture, part(progress, number / len(pictures), (number + 1) / len(pictures)))
            latents += [encoded] if all_finite(encoded) else []
        if not latents:
            noise = torch.randn(1, network.latent_channels, 16, 16, generator=torch.Generator().manual_seed(0))
            latents = [NOISE * noise]
        return {"encoder": pictures, "decoder": latents if network.has_decoder else []}


@dataclass(frozen=True)
class _Safe:
    """What was found for a half: the scales, the tensors that they change in the file's format, a sentence."""

    exponents: dict[str, int]
    tensors: dict[str, Tensor]
    told: str


def _made_safe(
    network: KLAutoencoder, half: Half, inputs: Sequence[Tensor], file: dict[str, Tensor], name: str, progress: Progress
) -> _Safe:
    """The first ceiling whose scales hold.

    Raises:
        InvalidInput: none do, or no scales can help.
    """
    exact, maxima = _run(network, half, inputs, part(progress, 0, 0.2))
    worst = max(maxima.values())
    if not all(map(math.isfinite, maxima.values())):
        raise InvalidInput(f"The {half} of {name} gives no finite numbers in fp32 either", "Look for damaged weights")
    if not worst:
        raise InvalidInput(f"The {half} of {name} gives nothing but zeros", "Look for damaged weights")
    if worst * SMALLEST_HEADROOM <= FP16_MAX:
        room = FP16_MAX / worst
        return _Safe({}, {}, f"The {half} runs in fp16 as it is: {room:.3g} times headroom.")
    failed = []
    for number, ceiling in enumerate(CEILINGS):
        within = part(progress, 0.2 + 0.2 * number, 0.4 + 0.2 * number)
        exponents = exponents_for(parts_of(network, half), maxima, ceiling)
        if tried := _tried(network, half, exponents, file, inputs, exact, within):
            changed, error, own, headroom = tried
            if error <= MOST_OF_OWN_ERROR * own and headroom >= SMALLEST_HEADROOM:
                told = (
                    f"The {half} overflowed in fp16 ({worst:.3g}), and no longer does: {headroom:.3g} times headroom. In fp16 "
                    f"it is off by {error:.2g} of the result; fp16 itself is by {own:.2g}."
                )
                return _Safe(exponents, changed, told)
            failed.append(f"off by {error:.2g}" if headroom >= SMALLEST_HEADROOM else f"headroom {headroom:.2g}")
    why = f" ({', '.join(failed)})" if failed else ", whatever the scales"
    raise InvalidInput(f"The {half} of {name} cannot be made safe for fp16{why}", "Use it in bf16 or fp32")


def _tried(
    network: KLAutoencoder,
    half: Half,
    exponents: dict[str, int],
    file: dict[str, Tensor],
    inputs: Sequence[Tensor],
    exact: Sequence[Tensor],
    progress: Progress,
) -> tuple[dict[str, Tensor], float, float, float] | None:
    """The changed tensors, the error of the file in fp16, that of fp16 itself, and the headroom; ``None`` if it overflows."""
    changed = _scaled(network, half, exponents, file)
    copy = load_autoencoder({**file, **changed}, dtype=torch.float16)
    assert isinstance(copy, KLAutoencoder)
    results, maxima = _run(copy, half, inputs, part(progress, 0, 0.5))
    if not all(map(all_finite, results)) or not all(map(math.isfinite, maxima.values())):
        return None
    reference = load_autoencoder(file)
    assert isinstance(reference, KLAutoencoder)
    Rescaled(reference, parts_of(reference, half), exponents)
    reference.half()
    own, _ = _run(reference, half, inputs, part(progress, 0.5, 1))
    return changed, _apart(results, exact), _apart(own, exact), FP16_MAX / max(maxima.values())


def _scaled(
    network: KLAutoencoder, half: Half, exponents: dict[str, int], file: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Tensors of the file with the scales in them, in the file's format: those that change."""
    changed = {}
    for layer in parts_of(network, half):
        read, written = exponents.get(layer.reads or "", 0), exponents.get(layer.writes or "", 0)
        if layer.kind != "layer":
            continue
        for kind, exponent in (("weight", read - written), ("bias", -written)):
            name = f"{layer.name}.{kind}"
            if exponent and name in file:
                changed[name] = (file[name].double() * 2.0**exponent).to(file[name].dtype)
    return changed


def _run(
    network: KLAutoencoder, half: Half, inputs: Sequence[Tensor], progress: Progress
) -> tuple[list[Tensor], Maxima]:
    run = network.decode if half == "decoder" else network.moments
    results = []
    with torch.inference_mode(), measuring(parts_of(network, half)) as maxima:
        for number, x in enumerate(inputs):
            results.append(run(x, part(progress, number / len(inputs), (number + 1) / len(inputs))).float())
    return results, maxima


def _apart(found: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    """The largest relative distance."""
    return max(float((one - other).norm() / other.norm()) for one, other in zip(found, exact, strict=True))


def _whole_places(picture: Tensor, downscale: int) -> Tensor:
    height, width = (side // downscale * downscale for side in picture.shape[2:])
    return picture[..., :height, :width]
