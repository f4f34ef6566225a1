"""The results of a comparison as HTML: a card for each VAE, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote

from ..compare.comparison import Comparison, Result
from ..compare.grid import caption
from ..compare.measures import Look
from .messages import message

MEASURES_HELP = (
    "PSNR and SSIM: higher is closer to the original. ΔE (CIEDE2000): lower is closer, about 1 is just visible. "
    "Brightness, contrast and saturation are measured in CIELAB."
)


def cards(comparison: Comparison, files: Mapping[str, str], pictures: Iterable[str | None], original: str) -> str:
    """HTML for the results.

    Args:
        comparison: what was measured.
        files: local path of every file that the browser may load, by its name in the report.
        pictures: each result's file name, in the comparison's order.
        original: the file name of the original.
    """
    best = _best(comparison.results)
    own = _card(
        "original", files[original], files[original], _measures([], comparison.original_look), "", "vaewb-original"
    )
    others = [
        _result_card(comparison, result, files[name] if name else None, files[original], best)
        for result, name in zip(comparison.results, pictures, strict=True)
    ]
    encoder = (
        f"All decode the latent of {comparison.encoder.name}." if comparison.encoder else "Each VAE encodes for itself."
    )
    note = f"<p class='vaewb-note'>{escape(encoder)} Point at a picture to see the original in its place. {MEASURES_HELP}</p>"
    return f"<div class='vaewb-cards'>{own}{''.join(others)}</div>{note}"


def _result_card(
    comparison: Comparison, result: Result, picture: str | None, original: str, best: Mapping[str, Result | None]
) -> str:
    notes = "".join(f"<p class='vaewb-note'>{escape(note)}</p>" for note in result.notes)
    if picture is None:
        return (
            f"<figure class='vaewb-card'><figcaption>{escape(result.candidate.name)}</figcaption>"
            f"{message(caption(result), 'error')}</figure>"
        )
    rows: list[tuple[str, str, bool]] = []
    if result.fidelity is not None:
        psnr, ssim, delta_e = result.fidelity.psnr, result.fidelity.ssim, result.fidelity.delta_e
        rows = [
            ("PSNR", "identical" if psnr is None else f"{psnr:.2f} dB", best["psnr"] is result),
            ("SSIM", "–" if ssim is None else f"{ssim:.4f}", best["ssim"] is result),
            ("ΔE", f"{delta_e:.2f}", best["delta_e"] is result),
        ]
    table = _measures(rows, result.look, comparison.original_look) if result.look else ""
    return _card(result.candidate.name, picture, original, table, notes, f"{result.seconds:.2f} s")


def _card(name: str, picture: str, original: str, table: str, notes: str, extra: str) -> str:
    own = picture == original
    classes = "vaewb-card vaewb-original" if own else "vaewb-card"
    hover = "" if own else f"<img class='vaewb-under' src='{_url(original)}' alt='original' loading='lazy'>"
    seconds = "" if own else f"<small>{escape(extra)}</small>"
    return (
        f"<figure class='{classes}'><figcaption>{escape(name)} {seconds}</figcaption>"
        f"<a class='vaewb-picture' href='{_url(picture)}' target='_blank' title='Open at full size'>"
        f"<img src='{_url(picture)}' alt='{escape(name, quote=True)}'>{hover}</a>{table}{notes}"
        f"<a class='vaewb-download' href='{_url(picture)}' download>Save PNG</a></figure>"
    )


def _measures(rows: list[tuple[str, str, bool]], seen: Look, reference: Look | None = None) -> str:
    """A table of measures: name, value, and whether it is the best of all; looks with their change from the original."""
    for name in ("brightness", "contrast", "saturation"):
        value = getattr(seen, name)
        change = "" if reference is None else f" ({value - getattr(reference, name):+.1f})"
        rows.append((name, f"{value:.1f}{change}", False))
    lines = (f"<tr class='{'vaewb-best' if top else ''}'><th>{n}</th><td>{escape(v)}</td></tr>" for n, v, top in rows)
    return f"<table>{''.join(lines)}</table>"


def _best(results: Iterable[Result]) -> dict[str, Result | None]:
    """Which result leads in each measure; nobody leads alone."""
    measured = [r for r in results if r.fidelity is not None]
    if len(measured) < 2:
        return dict.fromkeys(("psnr", "ssim", "delta_e"))
    infinity = float("inf")
    return {
        "psnr": max(measured, key=lambda r: infinity if r.fidelity.psnr is None else r.fidelity.psnr),  # type: ignore[union-attr]
        "ssim": max(measured, key=lambda r: r.fidelity.ssim or -infinity),  # type: ignore[union-attr]
        "delta_e": min(measured, key=lambda r: r.fidelity.delta_e),  # type: ignore[union-attr]
    }


def _url(path: str) -> str:
    """Where gradio serves a local file; relative, so that it works behind a sub-path too."""
    return escape(f"file={quote(path.replace(chr(92), '/'), safe='/:')}", quote=True)
