"""The VAE for a checkpoint that has none and for which nobody chose one: the best of the library that fits."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from ..identity.known import known_vaes
from ..library.collection import Collection
from ..library.entry import Entry
from ..library.walk import Stamp, stamp_of
from .fit import ARCHITECTURES, STOCK, VaeTraits, misfit, vae_traits

Network = str | tuple[int, ...]
"""A network by its ``shapes_id`` or its ``widths``, see :class:`..identity.verdict.Verdict`."""

FULL_SIZE: Network = (128, 256, 512, 512)
"""The widths of all VAEs that image models of these latent spaces were published with."""

RECOMMENDED = {
    "sd1": (
        "vae-ft-mse-840000-ema-pruned",
        "sd-vae-ft-mse",
        "vae-ft-ema-560000-ema-pruned",
        "sd-vae-ft-ema",
        "kl-f8-anime2 (Waifu Diffusion VAE v2)",
        "kl-f8-anime2 civitai safetensors",
        "NAI animevae / Anything-V3.0.vae / orangemix",
    ),
    "sdxl": ("sdxl-vae-fp16-fix", "sdxl_vae"),
    "sd3": ("SD3.5 VAE", "SD3 VAE"),
    "flux1": ("FLUX.1 ae", "FLUX.1 vae"),
    "flux2": ("FLUX.2 vae",),
}
"""Names, as in the table of known VAEs, of those that the makers of models of each latent space recommend, the most widely
recommended first."""

FP16_UNSAFE = frozenset(
    {
        "NAI animevae / Anything-V3.0.vae / orangemix",
        "blessed2",
        "blessed-fix",
        "sdxl_vae",
        "SDXL base 1.0 vae",
        "sdxl vae_1_0",
        "VAE inside sd_xl_base_1.0.safetensors",
    }
)
"""Names of those that are known to give NaN in fp16: those of SDXL, whose published configuration says ``force_upcast``
(https://huggingface.co/madebyollin/sdxl-vae-fp16-fix), and the NAI family."""

LARGEST_CONFIG = 1 << 16
"""Bytes; published ones have about 2 KB."""


def best_matches(checkpoint: Entry, library: Collection, network: Network | None = None) -> list[Entry]:
    """The VAEs of the library that fit a checkpoint, best first.

    In this order: those that fit the network that it gets; those of its latent space, the surest first; those that are
    recommended for it; those about which there is nothing to warn of; those that are not known to fail in fp16; those in full
    precision.

    Args:
        checkpoint: one without a VAE, usually.
        library: the files to choose from.
        network: what it gets, as far as the caller knows; otherwise the configuration beside it is asked, and a full-size one
            expected.
    """
    baked = checkpoint.verdict.baked
    built = {*ARCHITECTURES.values(), baked.architecture if baked else None} - {None}  # others have to be asked for
    held = ((entry, vae_traits(entry)) for entry in library.vaes)
    fitting = [(entry, vae) for entry, vae in held if vae and vae.architecture in built and not misfit(checkpoint, vae)]
    wanted = network or widths_of_config(checkpoint.path) or FULL_SIZE
    ranked = sorted(fitting, key=lambda pair: _rank(checkpoint, pair[0], pair[1], wanted))
    return [entry for entry, _ in ranked]


def _rank(checkpoint: Entry, entry: Entry, vae: VaeTraits, network: Network) -> tuple[bool | int | str, ...]:
    verdict = entry.verdict
    return (
        _strangeness(vae, network),
        vae.latent_space is None or vae.latent_space != checkpoint.verdict.latent_space,
        -vae.certainty,
        _fame(entry, vae),
        bool(verdict.warnings or verdict.code),
        vae.known_as in FP16_UNSAFE,
        verdict.dtype != "fp32",
        entry.name.lower(),
        entry.path,
    )


def _strangeness(vae: VaeTraits, network: Network) -> int:
    """0 for a VAE that fits the network, 1 where that is not known, 2 for one that does not."""
    own = vae.shapes_id if isinstance(network, str) else vae.widths
    return 1 if not own else 0 if own == network else 2


def _fame(entry: Entry, vae: VaeTraits) -> int:
    """The place of a VAE among those that are recommended, known, unknown, and stock. Until its weights are known, one counts
    by the name of its file, after those that are known by their weights."""
    recommended = RECOMMENDED.get(vae.latent_space or "", ())
    if vae.known_as in recommended:
        return recommended.index(vae.known_as)
    named = None if vae.known_as else _by_file_name().get(os.path.basename(entry.path).lower())  # noqa: PTH119
    if named in recommended:
        return 100 + recommended.index(named)
    return 202 if vae.known_as in STOCK else 200 if vae.known_as else 201


@lru_cache(maxsize=1)
def _by_file_name() -> dict[str, str]:
    """Names of published files, in lower case → the one VAE that goes by it."""
    names: dict[str, set[str]] = {}
    for known in known_vaes():
        for name in known.file_names:
            names.setdefault(name.rpartition("/")[2].lower(), set()).add(known.name)
    return {name: next(iter(found)) for name, found in names.items() if len(found) == 1}


def widths_of_config(checkpoint: str) -> tuple[int, ...] | None:
    """The widths of the VAE that the web UI builds from the configuration beside a checkpoint (``ddconfig`` of its YAML file);
    ``None`` if there is none, or it does not say."""
    path = Path(checkpoint).with_suffix(".yaml")
    stamp = stamp_of(path)
    return _read_widths(path, stamp) if stamp and stamp[0] <= LARGEST_CONFIG else None


_CHANNELS = re.compile(r"^\s*ch:\s*(\d{1,5})\s*(?:#.*)?$", re.MULTILINE)
_MULTIPLIERS = re.compile(r"^\s*ch_mult:\s*((?:\[[\d,\s]*\])|(?:\s*-\s*\d+\s*$)+)", re.MULTILINE)


@lru_cache(maxsize=256)
def _read_widths(path: Path, _stamp: Stamp) -> tuple[int, ...] | None:
    try:
        _, _, section = path.read_text(encoding="utf-8").partition("ddconfig:")
    except (OSError, ValueError):
        return None
    channels, multipliers = _CHANNELS.search(section), _MULTIPLIERS.search(section)
    if not (channels and multipliers):
        return None
    return tuple(int(channels[1]) * int(number) for number in re.findall(r"\d+", multipliers[1])) or None
