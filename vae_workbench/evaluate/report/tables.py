"""A summary as text, Markdown and CSV."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator, Sequence

from ...printable import printable
from ..measuring.measured import MEASURES
from ..summary.statistics import METHOD, PERCENTILES, Mean
from ..summary.summary import Pair, Row, Summary
from ..summary.verdict import verdict

MOST_FAILURES = 20
"""Sentences that a text tells; all of them are in the JSON."""

TEXT_PAIRS = ("psnr", "ssim", "delta_e", "flip", "lpips")
"""Measures by which pairs are told of in a text."""


def as_text(summary: Summary) -> str:
    """For a terminal."""
    head, *rows = _means(summary)
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    told = verdict(summary)
    told += [""] if told else []
    return "\n".join(printable(line).rstrip() for line in (*told, *lines, "", *sentences(summary)))


def as_markdown(summary: Summary) -> str:
    """To be published."""
    told = ["# VAEs evaluated", ""]
    told += [" ".join(map(_escaped, verdict(summary))), ""] if verdict(summary) else []
    told += [*_table(_means(summary)), "", "Single pictures, 5 % to 95 %:", ""]
    told += [*_table(_spreads(summary)), ""]
    told += [f"- {_escaped(line)}" for line in sentences(summary)]
    return "\n".join(told) + "\n"


def as_html(summary: Summary) -> str:
    """As :func:`as_markdown`, for a page."""
    told = (f"<li>{html.escape(printable(line))}</li>" for line in sentences(summary))
    first = html.escape(printable(" ".join(verdict(summary))))
    return "\n".join(
        [f"<p><strong>{first}</strong></p>" if first else "", tables_html(summary), "<ul>", *told, "</ul>"]
    )


def tables_html(summary: Summary) -> str:
    """The tables alone."""
    spreads = ["<p>Single pictures, 5 % to 95 %:</p>", *_html_table(_spreads(summary))]
    return "\n".join([*_html_table(_means(summary)), *spreads])


def as_csv(summary: Summary) -> str:
    """A line for each VAE, precision and measure."""
    head = ["vae", "precision", "measure", "pictures", "mean", "low", "high", "deviation"] + [
        f"p{one}" for one in PERCENTILES
    ]
    lines = [
        [row.vae, row.precision, name, mean.count, mean.mean, *_ends(mean), mean.deviation, *mean.percentiles]
        for row in summary.rows
        for name, mean in row.measures.items()
    ]
    return _csv(head, lines)


def pairs_as_csv(summary: Summary) -> str:
    """A line for each pair and measure."""
    head = ["closer", "other", "measure", "pictures", "share", "share_low", "share_high", "ties"]
    head += ["difference", "low", "high", "is_sure", "is_visible"]
    lines = []
    for pair in summary.pairs:
        share = pair.share
        told: list[object] = [pair.closer, pair.other, pair.measure, share.count, share.share, share.low, share.high]
        told += [pair.ties, pair.difference.mean, *_ends(pair.difference), pair.is_sure, pair.is_visible]
        lines.append(told)
    return _csv(head, lines)


def sentence(pair: Pair) -> str:
    """What is told of a pair by one measure."""
    measure = MEASURES[pair.measure]
    by = f"{_number(pair.difference, measure.digits)}{f' {measure.unit}' if measure.unit else ''}"
    if not pair.is_sure:
        return f"{measure.title}: cannot be told apart (difference {by})."
    share, half = f"{100 * pair.share.share:.0f}", f"{100 * pair.share.half:.0f}"
    if pair.is_visible is False:
        return f"{measure.title}: in {share} ± {half} % of the pictures, by {by} (too little to be seen in a single picture)."
    return f"{measure.title}: in {share} ± {half} % of the pictures, by {by}."


def _means(summary: Summary) -> list[list[str]]:
    shown = _shown(summary)
    head = ["VAE", "precision", "pictures", *(MEASURES[name].heading for name in shown)]
    return [head, *(_row(row, [_mean(row, name) for name in shown]) for row in summary.rows)]


def _spreads(summary: Summary) -> list[list[str]]:
    shown = _shown(summary)
    head = ["VAE", "precision", "pictures", *(MEASURES[name].heading for name in shown)]
    return [head, *(_row(row, [_spread(row, name) for name in shown]) for row in summary.rows)]


def _shown(summary: Summary) -> list[str]:
    return [name for name in MEASURES if any(name in row.measures for row in summary.rows)]


def _row(row: Row, cells: list[str]) -> list[str]:
    count = max((mean.count for mean in row.measures.values()), default=0)
    return [row.vae, row.precision, f"{count:,}", *cells]


def _mean(row: Row, name: str) -> str:
    return _number(row.measures[name], MEASURES[name].digits) if name in row.measures else "–"


def _number(mean: Mean, digits: int) -> str:
    return f"{mean.mean:.{digits}f}" + ("" if mean.half is None else f" ± {mean.half:.{digits}f}")


def _spread(row: Row, name: str) -> str:
    if name not in row.measures:
        return "–"
    low, *_, high = row.measures[name].percentiles
    return f"{low:.{MEASURES[name].digits}f} … {high:.{MEASURES[name].digits}f}"


def sentences(summary: Summary) -> Iterator[str]:
    """All that a text says beside the tables."""
    yield from map(" ".join, conclusions(summary))
    yield from notes(summary)


def conclusions(summary: Summary) -> Iterator[list[str]]:
    """Which VAE is closer than which, and in how many of the pictures: of each pair the sentences that belong together."""
    by_pair: dict[tuple[str, ...], list[Pair]] = {}
    for pair in summary.pairs:
        if pair.measure in TEXT_PAIRS:
            by_pair.setdefault(tuple(sorted((pair.closer, pair.other))), []).append(pair)
    for pairs in by_pair.values():
        for closer in dict.fromkeys(pair.closer for pair in pairs if pair.is_sure):
            told = [sentence(pair) for pair in pairs if pair.is_sure and pair.closer == closer]
            other = next(pair.other for pair in pairs if pair.closer == closer)
            yield [f"{closer} is closer to the originals than {other}.", *told]
        if unsure := [sentence(pair) for pair in pairs if not pair.is_sure]:
            yield [f"{pairs[0].closer} and {pairs[0].other}:", *unsure]


def notes(summary: Summary) -> Iterator[str]:
    """What has to be known of the numbers: what is missing in them, and how they were made."""
    for row in summary.rows:
        if row.identical:
            yield f"{row.title}: {row.identical:,} pictures came out without any difference; they are not in the mean of PSNR."
        if row.failed:
            yield f"{row.title}: {row.failed:,} pictures have no measures."
    yield from (f"Not evaluated: {why}" for why in summary.unusable.values())
    if summary.broken:
        yield f"{summary.broken:,} of {summary.pictures:,} pictures could not be read."
    if summary.changed:
        yield f"{summary.changed:,} of {summary.pictures:,} pictures were changed after they were measured, and measured anew."
    if summary.missing:
        yield f"{summary.missing:,} of {summary.pictures:,} pictures are still to be done."
    for failure in summary.failures[:MOST_FAILURES]:
        yield f"{failure['picture']}{failure['vae'] and ', ' + failure['vae']}: {failure['error']}"
    if len(summary.failures) > MOST_FAILURES:
        yield "More of these are in summary.json."
    settings = summary.settings
    if why := settings.get("without_lpips"):
        yield f"LPIPS is not measured: {why}"
    yield f"Size: {settings['size']}"
    yield settings["crop"].partition(": ")[2]
    yield f"Encoder: {settings['encoder']}"
    yield METHOD


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *others = rows
    yield f"| {' | '.join(map(_escaped, head))} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(map(_escaped, row))} |" for row in others)


def _html_table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield '<table border="1" cellpadding="6" style="border-collapse: collapse">'
    for number, row in enumerate(rows):
        cell = "td" if number else "th"
        yield f"<tr>{''.join(f'<{cell}>{html.escape(printable(text))}</{cell}>' for text in row)}</tr>"
    yield "</table>"


def _escaped(text: str) -> str:
    """Names come from files: they must not become markup."""
    return "".join(f"\\{letter}" if letter in "|*_`<>[]#\\" else letter for letter in printable(text))


def _ends(mean: Mean) -> tuple[float | None, float | None]:
    return (None, None) if mean.half is None else (mean.mean - mean.half, mean.mean + mean.half)


def _csv(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(cell) for cell in line] for line in lines)
    return stream.getvalue()


def _cell(cell: object) -> object:
    """A spreadsheet must not take the name of a file for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell
