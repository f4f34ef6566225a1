"""The sources of a comparison, as a person gathers them: built-in pictures, own files, generations."""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ...errors import InvalidInput, WorkbenchError
from ...lazy_dataclass import dataclass
from ...printable import printable
from .comparisons import Comparisons

if TYPE_CHECKING:
    from ...compare.folder.folder import SourceRecord
    from ...compare.sources.generations import Generation, KeptGenerations
    from ...compare.sources.picture import Picture
    from ...compare.sources.sources import Source

BUILT_IN = ("face", "foliage", "night", "skin", "gradients", "text", "colours")
"""Names of the built-in pictures, as :data:`...compare.builtin.pictures.BUILT_IN` has them."""

MOST_OF_A_NAME = 100
COMFY = ".latent"
"""The ending of ComfyUI's latents, which are safetensors."""

UNWRITABLE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
"""What some system has in no name of a file."""


@dataclass(frozen=True)
class Chosen:
    """One source as the page names it.

    Attributes:
        kind: ``built-in``, ``generation``, or ``own`` for one that is in the comparison or was added to it.
        id: the name of a built-in picture, else an id.
        name: for people.
    """

    kind: str
    id: str
    name: str


def chosen_from(text: str) -> list[Chosen]:
    """What ``javascript/vae_workbench_sources.js`` tells of the sources that were chosen.

    Raises:
        InvalidInput: it is something else.
    """
    try:
        items = [Chosen(str(item["kind"]), str(item["id"]), printable(str(item["name"]))) for item in json.loads(text)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInput("The sources did not arrive", "Load the page anew") from error
    return items


def add_own(
    comparisons: Comparisons, comparison_id: str, file: Path, name: str, longest_side: int
) -> list[SourceRecord]:
    """Adds a file of a person's to what a comparison will be made of; the same content once. A latent file may hold several.

    Args:
        comparisons: all of them.
        comparison_id: which.
        file: a picture or a latent file.
        name: what the person's system calls it. The ending tells a picture from a latent file.
        longest_side: a larger picture is scaled down to this many pixels.

    Raises:
        InvalidInput: it is neither.
        WorkbenchError: it cannot be kept.
    """
    from ...compare.sources.sources import keep_source, load_sources

    plain = UNWRITABLE.sub("_", Path(printable(name)).name)[-MOST_OF_A_NAME:] or "picture"
    written = f"{plain}.safetensors" if plain.lower().endswith(COMFY) else plain
    with tempfile.TemporaryDirectory(prefix="vaewb-") as place:
        shutil.copyfile(file, Path(place) / written)
        sources = load_sources([Path(place) / written], longest_side)
    folder = comparisons.added(comparison_id)
    for source in sources:
        if source.record.id not in folder.sources:
            keep_source(folder, source)
    return [source.record for source in sources]


def gather(
    chosen: Sequence[Chosen],
    comparisons: Comparisons,
    comparison_id: str,
    generations: KeptGenerations | None,
    longest_side: int,
) -> tuple[list[Source], list[str]]:
    """The sources that were chosen, each once, and a sentence for each that cannot be had.

    Raises:
        InvalidInput: there is none.
    """
    found: dict[str, Source] = {}
    complaints = []
    for item in chosen:
        try:
            source = _source(item, comparisons, comparison_id, generations, longest_side)
            found.setdefault(source.record.id, source)
        except WorkbenchError as error:
            complaints.append(str(error))
    if not found:
        raise InvalidInput(*(complaints or ["There is no picture yet. Drop one, or choose a built-in one"])[:1])
    return list(found.values()), complaints


def _source(
    item: Chosen,
    comparisons: Comparisons,
    comparison_id: str,
    generations: KeptGenerations | None,
    longest_side: int,
) -> Source:
    from ...compare.sources.sources import built_in_source, kept_sources

    if item.kind == "built-in":
        return built_in_source(item.id, longest_side)
    if item.kind == "generation":
        return generated(item, generations)
    folder = comparisons.with_source(comparison_id, item.id)
    kept = kept_sources(folder, [item.id]) if folder else []
    if not kept:
        raise InvalidInput(f"{item.name} is no longer there", "Add it again")
    return _within(kept[0], comparisons, comparison_id, longest_side)


def _within(source: Source, comparisons: Comparisons, comparison_id: str, longest_side: int) -> Source:
    """A picture of a person's no larger than asked for now; as it was added it is kept for the next time."""
    from ...compare.sources.picture import scaled_down
    from ...compare.sources.sources import Source, keep_source

    if source.latents or source.picture is None or max(source.picture.size) <= longest_side:
        return source
    added = comparisons.added(comparison_id)
    if source.record.id not in added.sources:
        keep_source(added, source)
    return Source.of(scaled_down(source.picture, longest_side), source.record.kind, source.record.infotext)


def generated(item: Chosen, generations: KeptGenerations | None) -> Source:
    """One of the newest generations as a source.

    Raises:
        InvalidInput: it is not kept any more.
    """
    made = generations.get(item.id) if generations else None
    if made is None:
        raise InvalidInput(f"The latent of {item.name} is no longer kept", "Generate it again")
    return source_of(made, made.name)


def source_of(made: Generation, name: str) -> Source:
    """A generation as a source, with a name for people."""
    from ...compare.sources.sources import Source

    return Source.of_latents(
        made.latents,
        name,
        "generation",
        space=made.space,
        are_scaled=True,
        picture=_picture(made.picture, name) if made.picture else None,
        infotext=made.infotext,
        made_by=made.made_by,
        checkpoint=made.checkpoint,
        notes=made.notes,
    )


def _picture(image: Image.Image, name: str) -> Picture:
    from ...compare.sources.picture import load_picture

    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return load_picture(stream.getvalue(), name=name, longest_side=0)


def told(record: SourceRecord) -> Mapping[str, Any]:
    """What the page's script is told of a source that was added."""
    return {"kind": "own", "id": record.id, "name": record.name, "infotext": record.infotext}
