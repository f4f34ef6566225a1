"""A comparison as one HTML file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from vae_workbench.compare.folder.folder import Cell, ComparisonFolder, SourceRecord, VaeRecord
from vae_workbench.compare.html_file import html_of, write_html
from vae_workbench.errors import TargetExists

HOSTILE = '</script><script>alert(1)</script>"&<img src=x onerror=alert(2)>'


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path / "comparison")
    made.add_source(SourceRecord("s", HOSTILE, "picture", 8, 8, infotext=HOSTILE), Image.new("RGB", (8, 8), "red"))
    made.add_vae(VaeRecord("v", HOSTILE, path="/home/me/vae.pt"))
    made.put(Cell("s", "v", "done", notes=(HOSTILE,)), Image.new("RGB", (8, 8), "blue"))
    return made


def test_everything_is_in_it_and_nothing_is_asked_for(folder: ComparisonFolder) -> None:
    page = html_of(folder)
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert data["vaes"][0]["name"] == HOSTILE and "/home/me" not in page
    assert all(item["image"].startswith("data:image/png;base64,") for item in (*data["sources"], *data["cells"]))
    assert "customElements.define(" in page and "default-src 'none'" in page
    assert not re.search(r'(src|href)="http', page)


def test_names_are_never_read_as_html(folder: ComparisonFolder) -> None:
    assert "<script>alert" not in html_of(folder) and "<img src=x" not in html_of(folder)


def test_nothing_is_overwritten_unasked(folder: ComparisonFolder, tmp_path: Path) -> None:
    target = tmp_path / "shared.html"
    write_html(folder, target)
    before = target.read_bytes()
    with pytest.raises(TargetExists):
        write_html(folder, target)
    assert target.read_bytes() == before
    write_html(folder, target, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison", "shared.html"]


def test_a_picture_that_was_taken_away_and_a_name_that_looks_like_one(folder: ComparisonFolder) -> None:
    """A missing picture was an error in place of the page; a name that begins like a picture's data stopped the viewer."""
    folder.add_source(SourceRecord("t", "data:image/png;base64,!!!", "picture", 8, 8), Image.new("RGB", (8, 8)))
    (folder.path / "source-t.png").unlink()
    page = html_of(folder)
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert [source["image"] is None for source in data["sources"]] == [False, True]
    assert 'key) && typeof value === "string"' in page
