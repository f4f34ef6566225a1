"""A comparison as one HTML file, to be shared: the viewer of the pages with everything in it, without a network."""

from __future__ import annotations

import base64
import copy
import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..beside import BESIDE
from ..errors import TargetExists
from ..targets import write_whole
from .folder.folder import ComparisonFolder

VIEWER = "vae_workbench_viewer"
STYLE = BESIDE / "style.css"

THEMES = """
:root { color-scheme: light dark; --body-background-fill: light-dark(#ffffff, #101418);
  --body-text-color: light-dark(#1f2937, #e5e7eb); --body-text-color-subdued: light-dark(#5b6472, #a3adba);
  --border-color-primary: light-dark(#d1d5db, #3a444f); --block-background-fill: light-dark(#f9fafb, #182028);
  --color-accent: light-dark(#c2410c, #fb923c); --button-secondary-background-fill: light-dark(#f3f4f6, #232c36);
  --button-secondary-text-color: light-dark(#374151, #d6dbe1); --button-primary-background-fill: light-dark(#ffedd5, #5b2b0a);
  --button-primary-text-color: light-dark(#7c2d12, #ffedd5); }
body { margin: 12px; background: var(--body-background-fill); color: var(--body-text-color); font-family: system-ui, sans-serif; }
h1 { margin: 0 0 8px; font-size: 18px; }
"""
"""The colours that the pages take from gradio's theme."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; style-src 'unsafe-inline';
 script-src 'unsafe-inline' blob:; worker-src blob:">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
{above}
<vaewb-viewer></vaewb-viewer>
<script id="comparison" type="application/json">{data}</script>
{scripts}
<script>
const unpacked = (key, value) => {{
    const isPicture = /^(image|preview|[0-9]+)$/.test(key) && typeof value === "string";  // a name may look like one
    if (!isPicture || !value.startsWith("data:image/png;base64,")) return value;
    const bytes = Uint8Array.from(atob(value.slice(22)), (letter) => letter.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], {{type: "image/png"}}));
}};
const viewer = document.querySelector("vaewb-viewer");
viewer.comparison = JSON.parse(document.getElementById("comparison").textContent, unpacked);
viewer.stage.focus({{preventScroll: true}}); // nothing else is here that keys could be for
</script>
</html>
"""


def viewer_scripts() -> list[Path]:
    """The scripts of the viewer, the element itself, which needs the others, last."""
    folder = BESIDE / "javascript"
    return [*sorted(folder.glob(f"{VIEWER}_*.js")), folder / f"{VIEWER}.js"]


def html_of(folder: ComparisonFolder, above: str = "") -> str:
    """The whole page, with HTML ``above`` the viewer. Names and infotexts come from files and are never read as HTML."""
    content = copy.deepcopy(folder.to_json(shared=True))
    _inline_pictures(content, folder.path)
    title = html.escape(content["title"] or _title(content))
    scripts = "\n".join(f"<script>\n{path.read_text(encoding='utf-8')}</script>" for path in viewer_scripts())
    style = THEMES + STYLE.read_text(encoding="utf-8")
    return PAGE.format(title=title, above=above, style=style, data=_as_script_data(content), scripts=scripts)


def write_html(
    folder: ComparisonFolder, path: str | os.PathLike[str], *, overwrite: bool = False, above: str = ""
) -> None:
    """Writes the page to a file, whole or not at all; see :func:`html_of`.

    Raises:
        TargetExists: a file is there, and ``overwrite`` is not set.
        UnwritableTarget: the system refuses.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise TargetExists(target, f"{target} is already there", "Choose another name, or allow overwriting")
    write_whole(target, html_of(folder, above).encode("utf-8", "replace"))


def _inline_pictures(content: dict[str, Any], folder: Path) -> None:
    """Puts the pictures of sources, cells, latents and losses in place of their file names."""
    latents, losses = content["latents"], content["losses"]
    rounds = [one for loss in losses for one in loss.get("rounds") or ()]
    for item, key in (
        *((item, "image") for item in (*content["sources"], *content["cells"], *rounds)),
        *((latent, "preview") for latent in latents),
    ):
        item[key] = _data_uri(folder, item.get(key))
    for latent in latents:
        latent["channels_images"] = [_data_uri(folder, name) for name in latent.get("channels_images") or ()]


def _title(content: dict[str, Any]) -> str:
    names: Sequence[str] = [vae["name"] for vae in content["vaes"]]
    return f"{len(names)} VAEs compared" if len(names) > 3 else " · ".join(names)


def _data_uri(folder: Path, name: str | None) -> str | None:
    """``None`` as well where the picture was taken away."""
    if not name:
        return None
    try:
        return f"data:image/png;base64,{base64.b64encode((folder / name).read_bytes()).decode()}"
    except OSError:
        return None


def _as_script_data(content: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(content).replace("<", "\\u003c")
