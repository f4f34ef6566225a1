"""A comparison as lines for people: for each source what each VAE does to it, in words first, then in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..compare.folder.folder import ComparisonFolder

BEST = " ★"
NUMBERS = {"psnr": "PSNR {:.2f} dB", "ssim": "SSIM {:.4f}", "delta_e": "ΔE {:.2f}", "flip": "ꟻLIP {:.3f}"}
"""Those that tell VAEs apart; the others are in the report."""


def comparison_lines(folder: ComparisonFolder) -> Iterator[str]:
    """A block for each source, with two lines for each VAE, and what is lost over generations where that was asked."""
    content = folder.to_json()
    names = {item["id"]: item["name"] for item in (*content["sources"], *content["vaes"])}
    for source in content["sources"]:
        yield f"{source['name']} ({source['kind']}, {source['width']}×{source['height']})"
        for cell in content["cells"]:
            if cell["source"] == source["id"]:
                yield from _cell_lines(cell, names[cell["vae"]])
        for loss in content["losses"]:
            if loss["source"] == source["id"]:
                yield f"  {_loss(loss)}"


def _cell_lines(cell: Mapping[str, Any], vae: str) -> Iterator[str]:
    if cell["error"]:  # a sentence that often begins with the name
        yield f"  {cell['error']}" if cell["error"].startswith(vae) else f"  {vae}: {cell['error']}"
        return
    beside = cell.get("beside", "")
    words = f"{cell['words']} (beside {beside})" if beside not in ("", "the source") else cell["words"]
    told = " ".join(filter(None, [words and f"{words}.", *cell.get("warnings", ()), *cell["notes"]]))
    yield f"  {vae}: {told}"
    numbers = [f"{_number(cell, name)}{BEST if name in cell['best'] else ''}" for name in NUMBERS]
    yield "    " + " · ".join([*filter(None, numbers), cell["precision"], f"{cell['seconds']:.1f} s"])


def _number(cell: Mapping[str, Any], name: str) -> str:
    if name == "psnr" and cell["identical"]:
        return "identical"
    value = cell.get(name)
    return "" if value is None else NUMBERS[name].format(value)


def _loss(loss: Mapping[str, Any]) -> str:
    """What is left after each round."""
    pair = " → ".join(dict.fromkeys((loss["encoder_name"], loss["decoder_name"])))
    if loss["error"]:
        return f"{pair}, again and again: {loss['error']}"
    left = ["identical" if step["psnr"] is None else f"{step['psnr']:.1f}" for step in loss["rounds"]]
    return f"{pair}, again and again: PSNR {', '.join(left)} dB"
