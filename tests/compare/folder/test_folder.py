"""Comparisons kept in a folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from vae_workbench.compare.folder.folder import COMPARISON, Cell, ComparisonFolder, SourceRecord, VaeRecord
from vae_workbench.errors import DamagedFile, InUse, UnsupportedFile, UnwritableTarget

PICTURE = Image.new("RGB", (8, 8), (200, 30, 90))
FACE, NIGHT = (SourceRecord(name, name, "built-in", 8, 8) for name in ("face", "night"))
MSE, NAI = VaeRecord("m5e", "mse.pt", "vae-ft-mse", "/models/mse.pt"), VaeRecord("na1", "nai.pt")


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path / "comparison")
    made.title = "two"
    for source in (FACE, NIGHT):
        made.add_source(source, PICTURE)
    for vae in (MSE, NAI):
        made.add_vae(vae)
    return made


def test_it_is_the_same_when_it_is_opened_again(folder: ComparisonFolder) -> None:
    cell = Cell("face", "m5e", "done", None, None, "fp32", 1.5, {"psnr": 30.5, "colours": 9}, "paler (−22)", ("tiled",))
    kept = folder.put(cell, PICTURE)
    folder.put(Cell("face", "na1", "failed", error="It is broken."))
    again = ComparisonFolder(folder.path)
    assert again.to_json() == folder.to_json()
    assert again.cells["face", "m5e"] == kept and kept.image
    with Image.open(folder.path / kept.image) as picture:
        assert picture.getpixel((3, 3)) == (200, 30, 90)


def test_what_is_missing_begins_with_the_first_source(folder: ComparisonFolder) -> None:
    folder.put(Cell("face", "na1", "done"), PICTURE)
    folder.put(Cell("night", "na1", "failed", error="no memory"))
    order = [(source.id, vae.id) for source, vae in folder.missing()]
    assert order == [("face", "m5e"), ("night", "m5e"), ("night", "na1")]


def test_a_cell_whose_picture_is_gone_is_decoded_again(folder: ComparisonFolder) -> None:
    kept = folder.put(Cell("face", "m5e", "done"), PICTURE)
    (folder.path / str(kept.image)).unlink()
    assert (FACE.id, MSE.id) in {(s.id, v.id) for s, v in ComparisonFolder(folder.path).missing()}


def test_what_is_taken_out_leaves_nothing_behind(folder: ComparisonFolder) -> None:
    for vae in ("m5e", "na1"):
        folder.put(Cell("face", vae, "done"), PICTURE)
    folder.remove(["m5e", "night"])
    left = sorted(path.name for path in folder.path.iterdir())
    assert left == ["cell-face-na1.png", COMPARISON, "source-face.png"]
    assert ComparisonFolder(folder.path).to_json() == folder.to_json()


def test_what_is_shared_tells_no_paths(folder: ComparisonFolder) -> None:
    assert "/models" in json.dumps(folder.to_json())
    assert "/models" not in json.dumps(folder.to_json(shared=True))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"version": 1}', b'{"version": 1, "title": "", "sources": [3]}']
)
def test_a_file_that_is_no_comparison_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / COMPARISON).write_bytes(content)
    with pytest.raises((DamagedFile, UnsupportedFile)):
        ComparisonFolder(tmp_path)
    assert (tmp_path / COMPARISON).read_bytes() == content


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b.png", "x.svg", ".x.png"])
def test_a_folder_from_elsewhere_names_no_other_files(folder: ComparisonFolder, name: str) -> None:
    content = folder.to_json()
    content["sources"][0]["image"] = name
    folder.file.write_text(json.dumps(content))
    with pytest.raises(DamagedFile):
        ComparisonFolder(folder.path)


def test_a_newer_version_is_not_touched(folder: ComparisonFolder) -> None:
    folder.file.write_text(json.dumps({**folder.to_json(), "version": 99}))
    with pytest.raises(UnsupportedFile, match="another version"):
        ComparisonFolder(folder.path)


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableTarget):
        ComparisonFolder(tmp_path / "file" / "comparison")


VIEW = {
    "source": "face",
    "encoder": "m5e",
    "encoder_name": "mse.pt",
    "error": None,
    **dict.fromkeys(("width", "height", "channels", "downscale", "low", "high"), 1),
    "statistics": [{"mean": 0.0, "std": None, "min": 0.0, "max": 0.0}],
    "channels_images": ["latent-face-m5e-0.png"],
    "preview": "latent-face-m5e.png",
}
LOSS = {
    "source": "face",
    "encoder": "m5e",
    "decoder": "na1",
    "encoder_name": "mse.pt",
    "decoder_name": "nai.pt",
    "error": None,
    "rounds": [{"round": 1, "psnr": 30.0, "delta_e": 1.0, "flip": 0.1, "image": "loss-1.png"}],
}


def test_views_are_kept_with_their_pictures_and_replaced(folder: ComparisonFolder) -> None:
    folder.put_latents(VIEW, dict.fromkeys(("latent-face-m5e-0.png", "latent-face-m5e.png"), PICTURE))
    folder.put_latents({**VIEW, "encoder": None, "channels_images": [], "preview": None}, {})
    folder.put_latents({**VIEW, "width": 7}, {})
    folder.put_loss(LOSS, {"loss-1.png": PICTURE})
    again = ComparisonFolder(folder.path).to_json()
    assert again == folder.to_json()
    assert [view["width"] for view in again["latents"]] == [7, 1] and again["losses"] == [LOSS]
    folder.remove(["m5e"])
    assert [view["encoder"] for view in folder.latents] == [None] and not folder.losses
    assert sorted(path.name for path in folder.path.glob("l*")) == []


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "x.html", ".x.png"])
def test_views_name_no_other_files(folder: ComparisonFolder, name: str) -> None:
    for bad in ({**VIEW, "preview": name}, {**VIEW, "channels_images": [name]}):
        with pytest.raises(ValueError, match="names no file"):
            folder.put_latents(bad, {})
    with pytest.raises(ValueError, match="names no file"):
        folder.put_loss(LOSS, {name: PICTURE})
    folder.file.write_text(json.dumps({**folder.to_json(), "latents": [{**VIEW, "preview": name}]}))
    with pytest.raises(DamagedFile):
        ComparisonFolder(folder.path)


def test_what_an_older_version_kept_is_opened(folder: ComparisonFolder) -> None:
    folder.put(Cell("face", "m5e", "done"), PICTURE)
    content = folder.to_json()
    newer = {"latents", "losses", "running", "remaining"}
    old = {name: value for name, value in content.items() if name not in newer}
    old["sources"] = [
        {"id": s["id"], "name": s["name"], "kind": s["kind"], "width": 8, "height": 8} for s in content["sources"]
    ]
    old["vaes"] = [{"id": vae["id"], "name": vae["name"]} for vae in content["vaes"]]
    old["cells"] = [
        {name: cell[name] for name in ("source", "vae", "state", "image", "precision", "notes")}
        for cell in content["cells"]
    ]
    folder.file.write_text(json.dumps(old))
    again = ComparisonFolder(folder.path)
    assert again.cells["face", "m5e"].state == "done" and again.cells["face", "m5e"].warnings == ()
    assert not again.running and again.remaining is None


def test_a_stale_cell_is_missing_and_what_it_was_when_it_is_opened_again(folder: ComparisonFolder) -> None:
    kept = folder.put(Cell("face", "m5e", "done", made_with="fp32"), PICTURE)
    folder.change_cells(lambda cell: replace(cell, state="stale"))
    assert ("face", "m5e") in {(source.id, vae.id) for source, vae in folder.missing()}
    assert ComparisonFolder(folder.path).cells["face", "m5e"] == kept
    made = folder.put(Cell("face", "m5e", "done", made_with="fp16"), PICTURE)
    assert made.image != kept.image, "a browser would show the old picture"
    assert [path.name for path in folder.path.glob("cell-*")] == [made.image]


def test_how_far_it_is_is_told_without_writing(folder: ComparisonFolder) -> None:
    folder.put(Cell("face", "m5e", "running"))
    before = folder.file.read_bytes()
    folder.tell("face", "m5e", 0.25, "decode mid", 7.0)
    told = folder.to_json()
    cell = next(cell for cell in told["cells"] if cell["state"] == "running")
    assert (cell["progress"], cell["step"], told["remaining"]) == (0.25, "decode mid", 7.0)
    assert folder.file.read_bytes() == before


def test_what_is_known_of_a_vae_stays_known_under_another_name(folder: ComparisonFolder) -> None:
    folder.add_vae(replace(NAI, badge="SD 1.x", warnings=("It is pale.",)))
    folder.add_vae(replace(NAI, name="renamed.pt"))
    assert (folder.vaes["na1"].name, folder.vaes["na1"].badge) == ("renamed.pt", "SD 1.x")
    folder.add_vae(replace(NAI, badge="SDXL"))
    assert folder.vaes["na1"].warnings == ()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("sources", 0, "width"), "8"),
        (("sources", 0, "height"), 0),
        (("sources", 0, "infotext"), {"a": 1}),
        (("sources", 0, "id"), "../x"),
        (("sources", 0, "kind"), "photo"),
        (("vaes", 0, "path"), 5),
        (("vaes", 0, "path"), "a\0b"),
        (("vaes", 0, "name"), None),
        (("cells", 0, "psnr"), float("nan")),
        (("cells", 0, "psnr"), 1e300),
        (("cells", 0, "delta_e"), "<b>"),
        (("cells", 0, "seconds"), True),
        (("cells", 0, "notes"), "text"),
        (("cells", 0, "notes"), [1]),
        (("latents", 0, "encoder"), {}),
    ],
)
def test_a_folder_from_elsewhere_holds_what_its_fields_are_for(
    folder: ComparisonFolder, where: tuple[str, int, str], value: object
) -> None:
    """A number that was text, or NaN, was taken as it was: the report, the page or the grid then stopped with a traceback."""
    folder.put(Cell("face", "m5e", "done", measures={"psnr": 30.0, "delta_e": 1.0}), PICTURE)
    folder.put_latents(VIEW, dict.fromkeys(("latent-face-m5e-0.png", "latent-face-m5e.png"), PICTURE))
    content = json.loads(json.dumps(folder.to_json()))
    content[where[0]][where[1]][where[2]] = value
    folder.file.write_text(json.dumps(content))
    with pytest.raises(DamagedFile):
        ComparisonFolder(folder.path)


def test_views_that_lack_something_are_left_out_and_names_are_shown_whole(folder: ComparisonFolder) -> None:
    folder.put_latents(VIEW, dict.fromkeys(("latent-face-m5e-0.png", "latent-face-m5e.png"), PICTURE))
    folder.put_loss(LOSS, {"loss-1.png": PICTURE})
    content = json.loads(json.dumps(folder.to_json()))
    del content["latents"][0]["statistics"]
    content["losses"][0]["rounds"][0]["flip"] = None
    content["sources"][0]["name"] = "\u202egnp.exe\ud800"
    folder.file.write_text(json.dumps(content))
    again = ComparisonFolder(folder.path)
    assert not again.latents and not again.losses
    assert again.sources["face"].name == r"\u202egnp.exe?"


def test_pictures_that_are_gone_or_lie_elsewhere_are_not_told_of(folder: ComparisonFolder, tmp_path: Path) -> None:
    """A source whose picture was gone made the whole page impossible; a link would have put any file into a page to share."""
    folder.put(Cell("face", "m5e", "done"), PICTURE)
    (folder.path / "source-face.png").unlink()
    (tmp_path / "secret").write_bytes(b"key")
    (folder.path / "source-night.png").unlink()
    (folder.path / "source-night.png").symlink_to(tmp_path / "secret")
    again = ComparisonFolder(folder.path)
    assert [source.image for source in again.sources.values()] == [None, None]
    assert again.cells["face", "m5e"].image


def test_another_process_keeps_its_changes_and_is_not_disturbed(folder: ComparisonFolder) -> None:
    """Two processes on one comparison wrote ``comparison.json`` in turn, and what the one had made was lost by the other."""
    other = ComparisonFolder(folder.path)
    folder.put(Cell("face", "m5e", "done"), PICTURE)
    other.put(Cell("night", "na1", "done"), PICTURE)
    other.put_latents({"source": "face", "encoder": None, "preview": None}, {})
    assert set(other.cells) == {("face", "m5e"), ("night", "na1")}
    with folder.held():
        assert set(folder.cells) == set(other.cells) and len(folder.latents) == 0  # that view lacks what it is to have
        with pytest.raises(InUse, match="is being worked on by another process"):
            other.remove(["face"])
        folder.remove(["night"])
    other.remove(["m5e"])
    assert list(other.sources) == list(ComparisonFolder(folder.path).sources) == ["face"]


def test_what_is_interrupted_or_killed_while_it_writes_leaves_no_files(folder: ComparisonFolder) -> None:
    """Ctrl+C within a file's writing, and every process that was killed there, left a hidden file for good."""

    def interrupted(target: Path) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.save("cell-1.png", interrupted)
    (folder.path / ".cell-1.png-0a1b2c3d.part").write_bytes(b"of one that was killed")
    with folder.held():
        assert not list(folder.path.glob(".*.part"))
