"""How latents look: their channels as grey pictures with statistics, and a preview in colours."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...autoencoder.latent_space import LatentSpace
from ...errors import Cancelled, sentence_of
from ...identity.verdict import Certainty, Verdict
from ...progress import Progress, part, silent
from ..decoding.candidate import Candidate
from ..decoding.cells import Source, vae_record
from ..decoding.latent_spaces import KnownSpace, identified, space_of
from ..decoding.latents import Latents, brought, encoded
from ..decoding.opened import OpenedVaes
from ..decoding.settings import Settings
from ..folder.comparison_json import View
from ..folder.folder import ComparisonFolder
from .latent_rgb import has_factors, preview

OUTLIERS = 0.0005
"""Share of the values at either end that is not told apart on the pictures: a single spike would make all else grey."""


@dataclass(frozen=True)
class Shown:
    """A latent as it is shown.

    Attributes:
        values: 1×C×h×w float32 on the CPU, scaled where the latent space is known, so that latents of one space can be compared
            whatever made them.
        space: the latent space, if it is at least likely.
        are_scaled: the units of ``values``.
        downscale: pixels for one place.
        notes: what a person should know.
    """

    values: Tensor
    space: LatentSpace | None
    are_scaled: bool
    downscale: int
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, latents: Latents) -> Shown:
        """Latents of which ``space`` is set as far as it is known."""
        space = latents.space.space if latents.space.certainty >= Certainty.LIKELY else None
        values = latents.values.detach().float().cpu()
        are_scaled = latents.are_scaled
        if space and not are_scaled and space.channels == values.shape[1]:
            values, are_scaled = space.to_scaled(values), True
        return cls(values, space, are_scaled, latents.downscale, latents.notes)


def add_latents(
    folder: ComparisonFolder,
    sources: Sequence[Source],
    encoders: Sequence[Candidate],
    settings: Settings | None = None,
    progress: Progress = silent,
) -> None:
    """Puts how latents look into a folder: of each source its own, and what each encoder makes of its picture.

    What is there of the same settings stays. What cannot be encoded gets an ``error``, and the others go on.

    Raises:
        UnwritableTarget: the folder cannot be written.
        Cancelled: passed on from ``progress``; what was made until then is kept.
    """
    settings = settings or Settings()
    for source in sources:
        if source.latents is not None and _is_missing(folder, source, None, settings):
            _put(folder, source, None, Shown.of(brought(source.latents, settings.latent_space)), settings)
    tasks = [
        (source, encoder)
        for encoder in encoders
        for source in sources
        if source.picture is not None and _is_missing(folder, source, encoder, settings)
    ]
    verdicts = identified(encoder for _, encoder in tasks)
    opened, spaces = OpenedVaes(settings), dict[str, KnownSpace]()
    for number, (source, encoder) in enumerate(tasks):
        told = f"{encoder.name}, {source.record.name}: "
        watched = part(progress, number / len(tasks), (number + 1) / len(tasks), told)
        try:
            shown = _encoded(source, encoder, verdicts, settings, opened, spaces, watched)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001  # one that fails fails alone
            folder.put_latents(_failed(source, encoder, settings, sentence_of(error)), {})
        else:
            _put(folder, source, encoder, shown, settings)
    progress(1.0, "done")


def latent_record(
    source_id: str, encoder_id: str | None, shown: Shown, *, low: float, high: float
) -> tuple[View, dict[str, Image.Image]]:
    """A latent as ``comparison.json`` has it, and its pictures by the names of their files.

    Args:
        source_id: of the source.
        encoder_id: of the VAE that encoded; ``None``: the source brought it.
        shown: the latent.
        low, high: the values that are black and white on the pictures of its channels.
    """
    stem = f"latent-{source_id}-{encoder_id or 'own'}"
    _, channels, height, width = shown.values.shape
    names = [f"{stem}-{number}.png" for number in range(1, channels + 1)]
    pictures = {name: grey(channel, low, high) for name, channel in zip(names, shown.values[0].numpy(), strict=True)}
    pictures[f"{stem}-preview.png"] = preview(shown.values, shown.space if shown.are_scaled else None)
    record: View = {
        "source": source_id,
        "encoder": encoder_id,
        "width": width,
        "height": height,
        "channels": channels,
        "downscale": shown.downscale,
        "space": shown.space.name if shown.space else None,
        "are_scaled": shown.are_scaled,
        "low": low,
        "high": high,
        "statistics": [statistics(channel) for channel in shown.values[0]],
        "channels_images": names,
        "preview": f"{stem}-preview.png",
        "preview_colours": shown.are_scaled and has_factors(shown.space),
        "notes": list(shown.notes),
        "error": None,
    }
    return record, pictures


def statistics(channel: Tensor) -> dict[str, float | int | None]:
    """Of the finite values of h×w, five digits; ``None`` where there are none."""
    finite = channel[torch.isfinite(channel)].double()
    told: dict[str, float | int | None] = dict.fromkeys(("mean", "std", "min", "max"))
    if finite.numel():
        found = (finite.mean(), finite.std(correction=0), finite.min(), finite.max())
        told = {name: _rounded(float(value)) for name, value in zip(told, found, strict=True)}
    return {**told, "not_finite": channel.numel() - finite.numel()}


def grey(channel: np.ndarray[tuple[int, ...], np.dtype[np.float32]], low: float, high: float) -> Image.Image:
    """h×w as 8 bits, ``low`` black and ``high`` white; what is no number is black."""
    levels = np.nan_to_num((channel - low) / (high - low) * 255, nan=0.0, posinf=255.0, neginf=0.0)
    return Image.fromarray(levels.clip(0, 255).round().astype(np.uint8), "L")


def value_range(values: Tensor) -> tuple[float, float]:
    """The values between which nearly all lie (see :data:`OUTLIERS`), never the same twice."""
    finite = values[torch.isfinite(values)].numpy()
    if not finite.size:
        return 0.0, 1.0
    low, high = (_rounded(float(end)) for end in np.quantile(finite, (OUTLIERS, 1 - OUTLIERS)))
    around = max(0.5, abs(low) / 1000)  # far from 0, a half is lost in rounding
    return (low, high) if low < high else (low - around, low + around)


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _encoded(
    source: Source,
    encoder: Candidate,
    verdicts: Mapping[str, Verdict],
    settings: Settings,
    opened: OpenedVaes,
    spaces: dict[str, KnownSpace],
    progress: Progress,
) -> Shown:
    """What an encoder makes of a picture; ``spaces`` keeps what is known of each, which may cost a look by the encoder."""
    assert source.picture is not None
    progress(0.0, "reading the file")
    path = os.fspath(encoder.path)
    vae = opened.get(encoder, verdicts.get(path), whole=True)
    if settings.latent_space:
        spaces[path] = KnownSpace(settings.latent_space, Certainty.CERTAIN, "It was named.")
    elif path not in spaces:
        spaces[path] = space_of(verdicts.get(path), vae.network)
    return Shown.of(encoded(vae, source.picture, part(progress, 0.1, 1), spaces[path]))


def _put(folder: ComparisonFolder, source: Source, encoder: Candidate | None, shown: Shown, settings: Settings) -> None:
    """Keeps a latent, with the same range of values for all of the source's latents in the same units."""
    key, encoder_id = source.record.id, _id(encoder)
    units = {"channels": shown.values.shape[1], "are_scaled": shown.are_scaled}
    beside = [view for view in folder.latents if view["source"] == key and view["encoder"] != encoder_id]
    beside = [view for view in beside if not view["error"] and all(view.get(n) == v for n, v in units.items())]
    own = value_range(shown.values)
    low = min([own[0], *(view["low"] for view in beside)])
    high = max([own[1], *(view["high"] for view in beside)])
    for view in beside:
        if (view["low"], view["high"]) != (low, high):
            folder.put_latents({**view, "low": low, "high": high}, _redrawn(folder, view, low, high))
    record, pictures = latent_record(key, encoder_id, shown, low=low, high=high)
    folder.put_latents({**record, **_made_with(encoder, settings)}, pictures)


def _redrawn(folder: ComparisonFolder, view: View, low: float, high: float) -> dict[str, Image.Image]:
    """The channels of a latent in a wider range. 8 bits of the narrower one are enough for 8 bits of the wider."""
    made = {}
    for name in view["channels_images"]:
        with Image.open(folder.path / name) as image:
            levels = np.asarray(image.convert("L"), np.float32)
        made[name] = grey(view["low"] + levels / 255 * (view["high"] - view["low"]), low, high)
    return made


def _is_missing(folder: ComparisonFolder, source: Source, encoder: Candidate | None, settings: Settings) -> bool:
    same: Mapping[str, object] = {
        "source": source.record.id, "encoder": _id(encoder), "error": None, **_made_with(encoder, settings)
    }  # fmt: skip
    return not any(_matches(view, same) for view in folder.latents)


def _matches(view: View, same: Mapping[str, object]) -> bool:
    files: Iterable[str] = view.get("channels_images") or ()
    return bool(files) and all(view.get(name) == value for name, value in same.items())


def _made_with(encoder: Candidate | None, settings: Settings) -> dict[str, str | None]:
    space = settings.latent_space.name if settings.latent_space else ""
    precision = settings.key if encoder else ""
    return {"encoder_name": encoder.name if encoder else None, "made_with": f"{precision} {space}".strip()}


def _failed(source: Source, encoder: Candidate, settings: Settings, error: str) -> View:
    told: View = {"source": source.record.id, "encoder": _id(encoder), "error": error}
    empty: View = {"statistics": [], "channels_images": [], "preview": None, "preview_colours": False, "notes": []}
    empty |= {"space": None, "are_scaled": None}
    zeros = dict.fromkeys(("width", "height", "channels", "downscale", "low", "high"), 0)
    return {**told, **zeros, **empty, **_made_with(encoder, settings)}


def _id(encoder: Candidate | None) -> str | None:
    return vae_record(encoder).id if encoder else None
