"""A map of who is a copy, a relative or a merge of whom, drawn as SVG.

Relations become a forest, drawn from left to right: every VAE hangs on its nearest relative, so that a family of n is joined
by n − 1 lines and not by all of its pairs; a merge hangs on its largest parent, and arrows come from the others. A line has a
tip where it is known that one was made from the other. Copies are one box. Broken VAEs and those without any relative are
left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from ..identity.relatives.kinship import Relations
from ..lazy_dataclass import dataclass
from .entry import Entry
from .family_tree import Edge, Place, arrange, family_trees

BOX_WIDTH, BOX_HEIGHT = 208, 38
COLUMN, ROW = BOX_WIDTH + 122, BOX_HEIGHT + 18
MARGIN = 4
LONGEST_NAME, LONGEST_NOTE = 24, 34
"""Characters that fit into a box."""

LABEL, PORT = 80, 12
"""Room for a label before a box, and between the lines that arrive at it."""


@dataclass(frozen=True)
class RelationMap:
    """The drawing and what is not in it.

    Attributes:
        svg: an ``<svg>`` element in the colour of the text around it; empty if nobody is related.
        strangers: for each group of copies without a relative, the place of its first.
    """

    svg: str
    strangers: tuple[int, ...]


def relation_map(vaes: Sequence[Entry], relations: Relations) -> RelationMap:
    """Draws how VAEs are related. Boxes have the attribute ``data-vaewb-open`` with the name of their first file.

    Args:
        vaes: the collection.
        relations: what :func:`..identity.relatives.kinship.relate` found among their sketches, in the same order.
    """
    broken = {place for place, entry in enumerate(vaes) if entry.verdict.kind == "broken"}
    edges = family_trees(relations, without=broken)
    related = {end for edge in edges for end in (edge.parent, edge.child)}
    groups = {group[0]: group for group in relations.groups}
    strangers = tuple(first for first in groups if first not in related | broken)
    if not edges:
        return RelationMap("", strangers)
    places = arrange(edges)
    arrivals = Counter(edge.child for edge in edges)
    lines = "".join(_line(edge, arrivals[edge.child], places) for edge in edges)
    boxes = "".join(_box([vaes[number] for number in groups[first]], places[first]) for first in sorted(places))
    width = MARGIN * 2 + COLUMN * max(place.column for place in places.values()) + BOX_WIDTH
    height = MARGIN * 2 + ROW * max(place.row for place in places.values()) + BOX_HEIGHT
    title = f"How {len(places)} of the VAEs are related"
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' class='vaewb-map' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.0f} {height:.0f}' role='group' aria-label='{title}' font-size='12' fill='currentColor'>"
        f"{lines}{boxes}</svg>"
    )
    return RelationMap(svg, strangers)


def _corner(place: Place) -> tuple[float, float]:
    return MARGIN + COLUMN * place.column, MARGIN + ROW * place.row


def _line(edge: Edge, arrivals: int, places: dict[int, Place]) -> str:
    """From the right of the parent to the left of the child, straight at its end, where its label stands."""
    (left, top), (end, below) = _corner(places[edge.parent]), _corner(places[edge.child])
    start, middle = left + BOX_WIDTH, top + BOX_HEIGHT / 2
    arrival = below + BOX_HEIGHT / 2 + PORT * (edge.rank - (arrivals - 1) / 2)
    turn = end - LABEL
    bend = max(LABEL / 2, (turn - start) / 2)
    path = f"M{start} {middle}C{start + bend} {middle} {turn - bend} {arrival} {turn} {arrival}H{end}"
    tip = f"<path d='M{end} {arrival}l-8 -4v8z'/>" if edge.directed else ""
    dashes = " stroke-dasharray='2 4'" if edge.relation.startswith(("similar", "possible")) else ""
    return (
        f"<path d='{path}' fill='none' stroke='currentColor' stroke-opacity='.55'{dashes}/>{tip}"
        f"<text x='{end - 11}' y='{arrival - 3}' text-anchor='end' font-size='10' fill-opacity='.8'>"
        f"{escape(edge.label)}</text>"
    )


def _box(copies: Sequence[Entry], place: Place) -> str:
    first = copies[0]
    known = next((entry.verdict.known_as for entry in copies if entry.verdict.known_as), None)
    titled = first.name.removesuffix(".safetensors")  # says nothing, and takes half of the room
    notes = [titled] if known else []
    notes += [f"{len(copies)} copies"] if len(copies) > 1 else []
    x, y = _corner(place)
    every = "\n".join(entry.name for entry in copies)
    name = escape(first.name, quote=True)
    return (
        f"<g class='vaewb-map-box' tabindex='0' role='button' data-vaewb-open='{name}'>"
        f"<title>{escape(every)}</title>"
        f"<rect x='{x}' y='{y}' width='{BOX_WIDTH}' height='{BOX_HEIGHT}' rx='6' fill-opacity='.06' "
        "stroke='currentColor' stroke-opacity='.4'/>"
        + _text(x, y + (16 if notes else 23), known or titled, LONGEST_NAME, "font-weight='600'")
        + (
            _text(x, y + 30, " · ".join(reversed(notes)), LONGEST_NOTE, "font-size='10' fill-opacity='.75'")
            if notes
            else ""
        )
        + "</g>"
    )


def _text(x: float, y: float, text: str, longest: int, style: str) -> str:
    return f"<text x='{x + 9}' y='{y}' {style}>{escape(shortened(text, longest))}</text>"


def shortened(text: str, longest: int) -> str:
    """At most so many characters: the middle gives way, since files of one family differ at their ends."""
    if len(text) <= longest:
        return text
    kept = longest - 1
    return f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
