"""The grid of a comparison as one picture at full size, with labels: rows are sources, columns are VAEs."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ...errors import InvalidInput
from ...printable import printable
from ..folder.folder import Cell, ComparisonFolder, SourceRecord, VaeRecord
from .lettering import Font, font_for, wrapped
from .picture_file import check_picture_target, write_picture

PAPER, INK, FAINT, ALARM, FRAME = (255, 255, 255), (20, 20, 20), (100, 100, 100), (160, 30, 20), (200, 200, 200)

SMALLEST_TEXT, LARGEST_TEXT, TEXT_PER_WIDTH = 13, 64, 26
"""Height of letters in pixels, and the width of a cell for one pixel of it: readable when the whole is fitted to a screen."""

NARROWEST = 14
"""Width of the narrowest column, in heights of letters: measures need two lines then."""

SMALLER = 0.75
"""Height of captions, as a part of the headings'."""

MOST_PIXELS = 500_000_000
"""1.5 GB of memory."""

LONGEST_TEXT = 400
"""Letters of an error or of a VAE's words that are drawn."""


def grid_picture(folder: ComparisonFolder) -> Image.Image:
    """Draws all cells that there are; the others say why there is no picture.

    Raises:
        InvalidInput: there is nothing to draw, or far too much.
    """
    return _Sheet(folder).drawn()


def write_grid(folder: ComparisonFolder, target: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Writes the grid as PNG or WebP, as the ending tells, with :func:`grid_infotext` inside.

    Raises:
        InvalidInput: as :func:`grid_picture`, or another ending, or too large for WebP.
        TargetExists, UnwritableTarget: the file cannot be written, or only by overwriting.
    """
    sheet = _Sheet(folder)
    check_picture_target(Path(target), sheet.size, overwrite=overwrite)
    write_picture(sheet.drawn(), Path(target), grid_infotext(folder))


def grid_infotext(folder: ComparisonFolder) -> str:
    """What was compared with what, as the web UI reads it: the infotext of the first generation, if there is one, and after its
    last parameter those of the comparison, among them every other source's infotext."""
    sources, vaes = list(folder.sources.values()), list(folder.vaes.values())
    lines = next((source.infotext for source in sources if source.infotext), "").rstrip().split("\n")
    told = {"Comparison": f"{len(sources)} sources, {len(vaes)} VAEs"}
    told |= {f"VAE {place}": vae.name for place, vae in enumerate(vaes, start=1)}
    told |= {"Latents by": _encoders(folder), "Precision": ", ".join(_distinct(folder, lambda cell: cell.precision))}
    for place, source in enumerate(sources, start=1):
        told |= {f"Source {place}": source.name, f"Source {place} infotext": source.infotext}
    parameters = ", ".join(f"{name}: {_quoted(value)}" for name, value in told.items() if value)
    if re.search(r"\bSteps: \d", lines[-1]):
        return "\n".join([*lines[:-1], f"{lines[-1]}, {parameters}"])
    return "\n".join(filter(None, [*lines, parameters]))


def _quoted(value: str) -> str:
    """As the web UI's ``infotext_utils.quote``: in quotes where it would end early or be split."""
    return json.dumps(value, ensure_ascii=False) if re.search(r'[,:\n"]', value) else value


def _encoders(folder: ComparisonFolder) -> str:
    brought = all(source.latent for source in folder.sources.values())
    own = "the sources" if brought else "each VAE's own encoder"
    return ", ".join(_distinct(folder, lambda cell: cell.encoder or own))


def _distinct(folder: ComparisonFolder, what: Callable[[Cell], str]) -> list[str]:
    return list(dict.fromkeys(filter(None, (what(cell) for cell in folder.cells.values() if cell.image))))


@dataclass(frozen=True)
class _Text:
    """Lines of one kind."""

    lines: Sequence[str]
    font: Font
    size: int
    colour: tuple[int, int, int]

    @classmethod
    def fitted(cls, text: str, size: int, room: int, colour: tuple[int, int, int] = INK) -> _Text:
        shown = printable(text)
        font = font_for(shown, size)
        return cls(wrapped(shown, font, room), font, size, colour)

    @cached_property
    def _line(self) -> int:
        needed = sum(self.font.getmetrics()) if isinstance(self.font, ImageFont.FreeTypeFont) else 0
        return max(round(1.35 * self.size), needed)

    @property
    def height(self) -> int:
        return self._line * len(self.lines)

    def draw(self, draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
        for place, line in enumerate(self.lines):
            draw.text((x, y + self._line * place), line, font=self.font, fill=self.colour)


Texts = Sequence[_Text]


def _height(texts: Iterable[_Text]) -> int:
    return sum(text.height for text in texts)


def _draw(draw: ImageDraw.ImageDraw, texts: Texts, x: int, y: int) -> None:
    for text in texts:
        text.draw(draw, x, y)
        y += text.height


@dataclass(frozen=True)
class _Place:
    """A picture of a row, or why there is none, and what is below it."""

    path: Path | None
    size: tuple[int, int]
    inside: Texts
    below: Texts


@dataclass(frozen=True)
class _Row:
    label: Texts
    places: Sequence[_Place]
    picture: int
    """Height of the highest picture."""

    @cached_property
    def height(self) -> int:
        below = max((_height(place.below) for place in self.places), default=0)
        return max(self.picture + below, _height(self.label))


class _Sheet:
    """Where everything lies on the grid. Pictures are opened one after the other, when they are drawn."""

    def __init__(self, folder: ComparisonFolder) -> None:
        self._folder = folder
        sources, self._vaes = list(folder.sources.values()), list(folder.vaes.values())
        if not sources or not self._vaes:
            raise InvalidInput("There is nothing in this comparison that could be drawn", "Add a source and a VAE")
        self._has_pictures = any(source.image for source in sources)
        images = [source.image for source in sources] + [cell.image for cell in folder.cells.values()]
        self._sizes = {name: size for name in images if name and (size := _size(folder.path / name))}
        widest = max([width for width, _ in self._sizes.values()] + [source.width for source in sources])
        self._text = max(SMALLEST_TEXT, min(LARGEST_TEXT, round(widest / TEXT_PER_WIDTH)))
        self._gap = self._text
        self._column = max(widest, NARROWEST * self._text)
        self._label = NARROWEST * self._text // 2
        self._headings = [self._heading(vae) for vae in ([None] if self._has_pictures else []) + self._vaes]
        self._rows = [self._row(source) for source in sources]
        self._note = _Text.fitted(self._told(), self._small, self.size[0] - 2 * self._gap, FAINT)
        width, height = self.size
        if width * height > MOST_PIXELS:
            raise InvalidInput(
                f"The grid would have {width}×{height} pixels", "Take fewer sources or VAEs, or smaller pictures"
            )

    @property
    def _small(self) -> int:
        return max(SMALLEST_TEXT, round(SMALLER * self._text))

    @property
    def _top(self) -> int:
        return self._gap + max(map(_height, self._headings)) + self._gap // 2

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        width = self._left(len(self._headings))
        note = self._note.height if hasattr(self, "_note") else 0
        return width, self._top + sum(row.height + self._gap for row in self._rows) + note + self._gap

    def drawn(self) -> Image.Image:
        """The picture, RGB."""
        sheet = Image.new("RGB", self.size, PAPER)
        draw = ImageDraw.Draw(sheet)
        for column, heading in enumerate(self._headings):  # at the bottom, next to the pictures
            _draw(draw, heading, self._left(column), self._top - self._gap // 2 - _height(heading))
        y = self._top
        for row in self._rows:
            _draw(draw, row.label, self._gap, y)
            for column, place in enumerate(row.places):
                self._draw_place(sheet, draw, place, self._left(column), y)
                _draw(draw, place.below, self._left(column), y + row.picture + self._text // 4)
            y += row.height + self._gap
        self._note.draw(draw, self._gap, y)
        return sheet

    def _left(self, column: int) -> int:
        return 2 * self._gap + self._label + column * (self._column + self._gap)

    def _draw_place(self, sheet: Image.Image, draw: ImageDraw.ImageDraw, place: _Place, x: int, y: int) -> None:
        if place.path is not None:
            with contextlib.suppress(OSError, SyntaxError, ValueError), Image.open(place.path) as image:
                sheet.paste(image.convert("RGB"), (x, y))
                return
        width, height = place.size
        draw.rectangle((x, y, x + max(width, 2) - 1, y + max(height, 2) - 1), outline=FRAME)
        _draw(draw, place.inside, x + self._text // 2, y + self._text // 2)

    def _heading(self, vae: VaeRecord | None) -> Texts:
        if vae is None:
            return [_Text.fitted("source", self._text, self._column)]
        known = " · ".join(dict.fromkeys(filter(None, (vae.badge, vae.known_as))))
        name = _Text.fitted(vae.name, self._text, self._column)
        return [name, _Text.fitted(known, self._small, self._column, FAINT)] if known else [name]

    def _row(self, source: SourceRecord) -> _Row:
        places = [self._original(source)] if self._has_pictures else []
        places += [self._place(source, vae) for vae in self._vaes]
        label = [
            _Text.fitted(source.name, self._small, self._label),
            _Text.fitted(f"{source.width}×{source.height}", self._small, self._label, FAINT),
        ]
        picture = max(place.size[1] if place.path else _height(place.inside) + self._text for place in places)
        return _Row(label, places, max(picture, source.height))

    def _original(self, source: SourceRecord) -> _Place:
        path = self._path(source.image)
        inside = [] if path else [self._caption("a latent without a picture", self._column - self._text)]
        below = [self._caption(f"made by {source.made_by}")] if source.made_by and path else []
        return _Place(path, self._sizes.get(source.image or "", self._frame(source)), inside, below)

    def _place(self, source: SourceRecord, vae: VaeRecord) -> _Place:
        cell = self._folder.cells.get((source.id, vae.id), Cell(source.id, vae.id))
        path = self._path(cell.image)
        if path is None:
            why = cell.error or {"running": "being decoded", "waiting": "not decoded yet"}.get(cell.state, "no picture")
            colour = ALARM if cell.error else FAINT
            return _Place(None, self._frame(source), [self._caption(why, self._column - self._text, colour)], [])
        told = [_measures(cell), cell.words, "from former settings" if cell.state == "stale" else ""]
        below = [self._caption(text) for text in told if text]
        return _Place(path, self._sizes[path.name], [], below)

    def _frame(self, source: SourceRecord) -> tuple[int, int]:
        """Size of the place of a picture that is not there."""
        return self._column, source.height

    def _caption(self, text: str, room: int = 0, colour: tuple[int, int, int] = FAINT) -> _Text:
        return _Text.fitted(text[:LONGEST_TEXT], self._small, room or self._column, colour)

    def _told(self) -> str:
        """What was run, in a line."""
        folder = self._folder
        precisions, devices = (_distinct(folder, what) for what in (lambda c: c.precision, lambda c: c.device))
        told = {"Latents by": _encoders(folder), "precision": ", ".join(precisions), "on": ", ".join(devices)}
        return " · ".join(f"{name} {value}" for name, value in told.items() if value)

    def _path(self, name: str | None) -> Path | None:
        """The file of a picture, if it is one."""
        return self._folder.path / name if name in self._sizes and name else None


def _size(path: Path) -> tuple[int, int] | None:
    """Of a picture; ``None`` if it cannot be opened."""
    try:
        with Image.open(path) as image:
            return image.width, image.height
    except (OSError, Image.DecompressionBombError):
        return None


def _measures(cell: Cell) -> str:
    """The measures against the source in a line; empty where there is none."""
    delta_e, psnr, flip = (cell.measures.get(name) for name in ("delta_e", "psnr", "flip"))
    if delta_e is None:
        return ""
    told = ["identical" if psnr is None else f"{psnr:.2f} dB", f"ΔE {delta_e:.2f}"]
    return " · ".join(told + ([] if flip is None else [f"FLIP {flip:.3f}"]))
