"""A comparison decoded cell by cell into its folder."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.as_written import as_written
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.compare.decoding import opened
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.cells import (
    Source,
    decode_missing,
    keep_source,
    kept_sources,
    load_sources,
    vae_record,
)
from vae_workbench.compare.decoding.comparison import Settings, compare
from vae_workbench.compare.folder.folder import Cell, ComparisonFolder
from vae_workbench.compare.sources.latent_files import load_latents
from vae_workbench.compare.sources.picture import as_image, load_picture, to_pil
from vae_workbench.errors import Cancelled, InvalidInput, UnreadableFile
from vae_workbench.identity.verdict import Certainty, Verdict

SD1 = LATENT_SPACES["sd1"]


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Source]:
    rng = np.random.default_rng(1)
    for name in ("one.png", "two.png"):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(tmp_path / name)
    return load_sources([tmp_path / "one.png", tmp_path / "two.png"])


@pytest.fixture
def vaes(tmp_path: Path) -> list[Candidate]:
    return [Candidate(f"{seed}.st", save_small_kl(tmp_path / f"{seed}.safetensors", seed)) for seed in (1, 2)]


@pytest.fixture
def folder(tmp_path: Path, pictures: list[Source], vaes: list[Candidate]) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path / "comparison")
    for source in pictures:
        made.add_source(source.record, to_pil(as_image(source.picture.pixels)))
    for vae in vaes:
        made.add_vae(vae_record(vae))
    return made


def test_a_cell_is_what_the_vae_makes_of_the_picture(
    folder: ComparisonFolder, pictures: list[Source], vaes: list[Candidate]
) -> None:
    decode_missing(folder, pictures)
    assert {cell.state for cell in folder.cells.values()} == {"done"} and len(folder.cells) == 4
    (result,) = compare(pictures[1].picture, vaes[:1]).results
    cell = folder.cells[pictures[1].record.id, vae_record(vaes[0]).id]
    with Image.open(folder.path / str(cell.image)) as shown:
        assert result.image is not None and shown.tobytes() == to_pil(result.image).tobytes()
    assert result.fidelity and cell.measures["delta_e"] == pytest.approx(result.fidelity.delta_e, rel=1e-4)
    assert 0 < float(cell.measures["flip"] or 0) <= 1 and cell.words


def test_only_what_is_missing_is_decoded(folder: ComparisonFolder, pictures: list[Source], tmp_path: Path) -> None:
    decode_missing(folder, pictures)
    before = dict(folder.cells)
    folder.add_vae(vae_record(Candidate("3.st", save_small_kl(tmp_path / "3.safetensors", 3))))
    told: list[str] = []
    decode_missing(folder, pictures, progress=lambda _fraction, what: told.append(what))
    assert {key: folder.cells[key] for key in before} == before
    assert not any(what.startswith(("1.st", "2.st")) for what in told) and len(folder.cells) == 6


@pytest.mark.parametrize("damage", ["gone", "empty", "cut off", "one byte"])
def test_a_cell_whose_picture_is_spoiled_is_decoded_again(
    folder: ComparisonFolder, pictures: list[Source], damage: str
) -> None:
    """It counted as done, and its place stayed empty whatever one did."""
    decode_missing(folder, pictures)
    before = {key: (folder.path / str(cell.image)).read_bytes() for key, cell in folder.cells.items()}
    spoiled = next(iter(folder.cells))
    picture, whole = folder.path / str(folder.cells[spoiled].image), before[spoiled]
    middle = len(whole) // 2
    if damage == "gone":
        picture.unlink()
    else:
        flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
        picture.write_bytes({"empty": b"", "cut off": whole[:middle], "one byte": flipped}[damage])
    told: set[str] = set()
    decode_missing(folder, pictures, progress=lambda _fraction, what: told.add(what.partition(": ")[0]))
    assert {key: (folder.path / str(cell.image)).read_bytes() for key, cell in folder.cells.items()} == before
    (source, vae) = folder.sources[spoiled[0]], folder.vaes[spoiled[1]]
    assert told - {"done"} == {f"{vae.name}, {source.name}"}


def test_another_encoder_decodes_all_anew(
    folder: ComparisonFolder, pictures: list[Source], vaes: list[Candidate]
) -> None:
    decode_missing(folder, pictures)
    own = folder.cells[pictures[0].record.id, vae_record(vaes[1]).id]
    decode_missing(folder, pictures, encoder=vaes[0])
    shared = folder.cells[pictures[0].record.id, vae_record(vaes[1]).id]
    assert (own.encoder, shared.encoder) == (None, "1.st") and own.measures != shared.measures


def test_one_that_fails_fails_alone_and_is_tried_again(
    folder: ComparisonFolder, pictures: list[Source], tmp_path: Path
) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"junk")
    broken = vae_record(Candidate("broken", tmp_path / "broken.safetensors"))
    gone = vae_record(Candidate("gone", tmp_path / "gone.safetensors"))
    for vae in (broken, gone):
        folder.add_vae(vae)
    decode_missing(folder, pictures)
    states = [cell.state for cell in folder.cells.values()]
    assert (states.count("done"), states.count("failed")) == (4, 4)
    assert all(cell.error for cell in folder.cells.values() if cell.state == "failed")
    save_small_kl(tmp_path / "gone.safetensors", 5)
    decode_missing(folder, pictures)
    assert folder.cells[pictures[0].record.id, gone.id].state == "done"


def test_cancelling_keeps_what_is_done(folder: ComparisonFolder, pictures: list[Source]) -> None:
    def cancel(fraction: float, _what: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        decode_missing(folder, pictures, progress=cancel)
    assert [cell.state for cell in folder.cells.values()] == ["done"]
    assert ComparisonFolder(folder.path).to_json() == folder.to_json()


def test_the_best_are_marked_for_each_source(folder: ComparisonFolder, pictures: list[Source], tmp_path: Path) -> None:
    decode_missing(folder, pictures)
    cells = folder.to_json()["cells"]
    for source in pictures:
        row = [cell for cell in cells if cell["source"] == source.record.id]
        best, worst = sorted(row, key=lambda cell: cell["psnr"], reverse=True)
        if best["psnr"] - worst["psnr"] > 0.5:
            assert "psnr" in best["best"] and "psnr" not in worst["best"]


def test_sources_are_pictures_folders_and_built_in(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 20")
    (tmp_path / "many").mkdir()
    Image.new("RGB", (16, 8), "red").save(tmp_path / "many" / "a.png", pnginfo=info)
    Image.new("RGB", (16, 8), "red").save(tmp_path / "many" / "same.png")
    (tmp_path / "many" / "notes.txt").write_text("no picture")
    sources = load_sources([tmp_path / "many", "builtin:colours"], longest_side=64)
    assert [source.record.name for source in sources] == ["a.png", "colours"], "the same picture counts once"
    assert sources[0].record.infotext.startswith("a cat")
    assert (sources[1].record.kind, sources[1].record.width) == ("built-in", 64)


@pytest.mark.parametrize("name", ["builtin:cat", "missing.png"])
def test_what_is_no_source_is_told(name: str) -> None:
    with pytest.raises(InvalidInput):
        load_sources([name])


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no pictures"):
        load_sources([tmp_path])


def latent_source(**told: Any) -> Source:
    """A generation of 32×24 pixels, as a sampler gives it."""
    values = torch.randn(1, 4, 3, 4, generator=torch.Generator().manual_seed(7)) * 0.8
    return Source.of_latents(values, "cat", **{"kind": "generation", "space": SD1, "are_scaled": True, **told})


def webui_picture(seed: int, source: Source) -> Image.Image:
    """What the web UI makes of it: ``decode_first_stage``, then ``processing.process_images_inner``."""
    assert source.latents is not None
    network = load_autoencoder(small_kl(seed))
    with torch.no_grad(), as_written(network, source.latents.values):
        decoded = network.decode(1.0 / 0.18215 * source.latents.values)[0]
    image = 255.0 * np.moveaxis(torch.clamp((decoded + 1.0) / 2.0, min=0.0, max=1.0).numpy(), 0, 2)
    return Image.fromarray(image.astype(np.uint8))


def filled(folder: ComparisonFolder, sources: Sequence[Source], vaes: Sequence[Candidate]) -> ComparisonFolder:
    for source in sources:
        keep_source(folder, source)
    for vae in vaes:
        folder.add_vae(vae_record(vae))
    return folder


def pixels(folder: ComparisonFolder, cell: Cell) -> bytes:
    with Image.open(folder.path / str(cell.image)) as image:
        return image.tobytes()


def test_a_generation_is_decoded_to_the_web_uis_own_picture(tmp_path: Path, vaes: list[Candidate]) -> None:
    made = webui_picture(1, latent_source())
    picture = load_picture(png(made), name="cat")
    source = latent_source(picture=picture, made_by=vaes[0].name)
    folder = filled(ComparisonFolder(tmp_path / "c"), [source], vaes)
    decode_missing(folder, [source])
    own, other = (folder.cells[source.record.id, vae_record(vae).id] for vae in vaes)
    assert pixels(folder, own) == made.tobytes() and own.measures["delta_e"] == 0
    assert own.words == "no difference to be seen" and own.beside == vaes[0].name and own.encoder is None
    assert pixels(folder, other) == webui_picture(2, latent_source()).tobytes()
    told = folder.to_json()["cells"]
    assert [cell["identical"] for cell in told] == [True, False]


def test_a_latent_without_a_picture_is_described_beside_the_first_vae(tmp_path: Path, vaes: list[Candidate]) -> None:
    source = latent_source(kind="latent")
    folder = filled(ComparisonFolder(tmp_path / "c"), [source], vaes)
    decode_missing(folder, [source])
    first, second = (folder.cells[source.record.id, vae_record(vae).id] for vae in vaes)
    assert (first.state, first.words, first.beside) == ("done", "", "")
    assert second.beside == vaes[0].name and second.words
    assert "psnr" not in second.measures and "saturation" in second.measures


def test_a_picture_of_another_size_than_the_latent_measures_nothing(tmp_path: Path, vaes: list[Candidate]) -> None:
    """After upscaling, say."""
    picture = load_picture(png(Image.new("RGB", (64, 48))), name="cat")
    source = latent_source(picture=picture)
    folder = filled(ComparisonFolder(tmp_path / "c"), [source], vaes)
    decode_missing(folder, [source])
    assert all(cell.state == "done" and "psnr" not in cell.measures for cell in folder.cells.values())


def test_an_encoder_is_for_pictures_and_latents_keep_their_own(
    tmp_path: Path, pictures: list[Source], vaes: list[Candidate]
) -> None:
    latent = latent_source(kind="latent")
    folder = filled(ComparisonFolder(tmp_path / "c"), [pictures[0], latent], vaes)
    decode_missing(folder, [pictures[0], latent])
    before = dict(folder.cells)
    decode_missing(folder, [pictures[0], latent], encoder=vaes[0])
    for vae in vaes:
        of_picture, of_latent = ((source.record.id, vae_record(vae).id) for source in (pictures[0], latent))
        assert folder.cells[of_picture].encoder == vaes[0].name and folder.cells[of_latent] == before[of_latent]


def test_misfits_are_refused_in_their_own_cells(tmp_path: Path, vaes: list[Candidate]) -> None:
    wide = Candidate("wide", save_small_kl(tmp_path / "wide.safetensors", 3, latent_channels=16))
    sdxl = replace(vaes[1], verdict=Verdict("", "vae", Certainty.CERTAIN, ("It is known.",), latent_space="sdxl"))
    unsure = Candidate("unsure", save_small_kl(tmp_path / "unsure.safetensors", 4))
    source = latent_source()
    chosen = [vaes[0], wide, sdxl, unsure]
    folder = filled(ComparisonFolder(tmp_path / "c"), [source], chosen)
    decode_missing(folder, [source], chosen)
    good, channels, space, guessed = (folder.cells[source.record.id, vae_record(vae).id] for vae in chosen)
    assert (good.state, channels.state, space.state, guessed.state) == ("done", "failed", "failed", "done")
    assert channels.error == (
        "wide decodes latents of 16 channels at 1/8 of the size, and this latent has 4 channels at 1/8. Choose another VAE."
    )
    assert space.error == "2.st is a VAE of SDXL, and this latent is of SD1 and SD2. Choose another VAE."


def test_a_latent_that_is_broken_already_is_not_blamed_on_the_vaes(tmp_path: Path, vaes: list[Candidate]) -> None:
    values = torch.randn(1, 4, 3, 4)
    values[0, 1, 2, 3] = float("nan")
    source = Source.of_latents(values, "cat", "generation", space=SD1, are_scaled=True)
    folder = filled(ComparisonFolder(tmp_path / "c"), [source], vaes)
    decode_missing(folder, [source])
    assert all("the sampler produced it, not the VAE" in str(cell.error) for cell in folder.cells.values())


def test_a_vae_that_is_taken_out_meanwhile_is_left_out(folder: ComparisonFolder, pictures: list[Source]) -> None:
    first, second = folder.vaes

    def take_out(_fraction: float, what: str) -> None:
        if second in folder.vaes and what.startswith("2.st") and "decoding" in what:
            folder.remove([second])

    decode_missing(folder, pictures, progress=take_out)
    assert {vae for _, vae in folder.cells} == {first}
    assert not list(folder.path.glob(f"*{second}*")), "a picture of it is left"


def tiny() -> TinyAutoencoder:
    """A small TAESD, which makes eight pixels of a place, along each axis."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return TinyAutoencoder(TinyShape(4, width=16, encoder=(1, 1, 1, 1), decoder=(1, 1, 1, 1)))


@pytest.mark.parametrize("are_scaled", [True, False])
def test_a_taesd_gets_scaled_latents(tmp_path: Path, are_scaled: bool) -> None:
    network = tiny()
    save_file(network.state_dict(), tmp_path / "taesd.safetensors")
    values = torch.randn(1, 4, 3, 4, generator=torch.Generator().manual_seed(7))
    given = values if are_scaled else SD1.to_raw(values)
    source = Source.of_latents(given, "l", "latent", space=SD1, are_scaled=are_scaled)
    folder = filled(ComparisonFolder(tmp_path / "c"), [source], [Candidate("taesd", tmp_path / "taesd.safetensors")])
    decode_missing(folder, [source])
    (cell,) = folder.cells.values()
    with torch.no_grad():
        expected = to_pil(as_image(network.decode(values) / 2 + 0.5))
    shown = np.frombuffer(pixels(folder, cell), np.uint8).astype(int)
    assert np.abs(shown - np.asarray(expected).ravel()).max() <= 1
    (vae,) = folder.vaes.values()
    assert vae.badge.startswith("TAESD") and any("imitates" in warning for warning in vae.warnings)


def test_what_other_settings_made_is_stale_until_it_is_replaced(
    folder: ComparisonFolder, pictures: list[Source]
) -> None:
    decode_missing(folder, pictures)
    before = dict(folder.cells)
    states: list[list[str]] = []

    def cancel(_fraction: float, what: str) -> None:
        states.append([cell["state"] for cell in folder.to_json()["cells"]])
        if what.startswith("2.st"):
            assert folder.running
            raise Cancelled

    with pytest.raises(Cancelled):
        decode_missing(folder, pictures, settings=Settings(precision="bf16"), progress=cancel)
    assert states[0].count("stale") == 3 and states[0].count("running") == 1
    assert {cell.state for cell in folder.cells.values()} == {"done"} and not folder.running
    anew = {key for key, cell in folder.cells.items() if cell.precision == "bf16"}
    assert anew == {(pictures[0].record.id, next(iter(folder.vaes)))}
    assert all(folder.cells[key] == cell for key, cell in before.items() if key not in anew)
    assert ComparisonFolder(folder.path).to_json() == folder.to_json()
    decode_missing(folder, pictures, settings=Settings(precision="bf16"))
    assert {cell.precision for cell in folder.cells.values()} == {"bf16"}


def test_how_far_it_is_is_told(folder: ComparisonFolder, pictures: list[Source]) -> None:
    seen = []
    decode_missing(folder, pictures, progress=lambda _fraction, _what: seen.append(folder.to_json()))
    running = [cell for told in seen for cell in told["cells"] if cell["state"] == "running"]
    assert any(0 < cell["progress"] < 1 and cell["step"].startswith("decoding") for cell in running)
    remaining = [told["remaining"] for told in seen if told["remaining"] is not None]
    assert remaining and all(seconds >= 0 for seconds in remaining)
    last = folder.to_json()
    assert not last["running"] and last["remaining"] is None
    assert all(cell["progress"] is None and cell["device"] == "cpu" for cell in last["cells"])


def test_each_vae_is_read_once_while_small_ones_are_kept(
    folder: ComparisonFolder, pictures: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = opened.open_autoencoder

    def note(path: str, **keywords: Any) -> Any:
        read.append(path)
        return real(path, **keywords)

    monkeypatch.setattr(opened, "open_autoencoder", note)
    decode_missing(folder, pictures)
    assert len(read) == 2


def test_the_shared_encoders_latents_are_kept(
    folder: ComparisonFolder, pictures: list[Source], vaes: list[Candidate], tmp_path: Path
) -> None:
    sd1 = Verdict("", "vae", Certainty.CERTAIN, ("It is known.",), latent_space="sd1")
    encoder = replace(vaes[0], verdict=sd1)
    decode_missing(folder, pictures, encoder=encoder)
    folder.add_vae(vae_record(Candidate("3.st", save_small_kl(tmp_path / "3.safetensors", 3))))
    told: list[str] = []
    decode_missing(folder, pictures, encoder=encoder, progress=lambda _fraction, what: told.append(what))
    assert len(folder.cells) == 6 and not any("encoding" in what for what in told)


def test_what_is_suspicious_is_told(tmp_path: Path, pictures: list[Source], vaes: list[Candidate]) -> None:
    """A copy of another, and one that gives no numbers."""
    save_small_kl(tmp_path / "copy.safetensors", 1)
    broken = small_kl(2)
    broken["decoder.conv_out.bias"] = torch.full((3,), float("nan"))
    save_file(broken, tmp_path / "broken.safetensors")
    chosen = [vaes[0], *(Candidate(name, tmp_path / f"{name}.safetensors") for name in ("copy", "broken"))]
    folder = filled(ComparisonFolder(tmp_path / "c"), pictures[:1], chosen)
    decode_missing(folder, pictures[:1])
    told = [vae["warnings"] for vae in folder.to_json()["vaes"]]
    assert told[0] == () and told[1] == ("It is the same VAE as 1.st.",)
    cell = folder.cells[pictures[0].record.id, vae_record(chosen[2]).id]
    assert cell.state == "done" and "Some of its pixels are not numbers, and shown black." in cell.warnings


def test_what_a_latent_file_leaves_open_is_told_in_its_cells(tmp_path: Path) -> None:
    """Its notes were dropped on the way, so that nobody learned that its units were guessed; also when it was opened again."""
    np.save(
        tmp_path / "one.npy", np.full((1, 4, 2, 2), 2.3, np.float32) * np.sign(np.arange(4) % 2 - 0.5).reshape(2, 2)
    )
    (note,) = load_latents(tmp_path / "one.npy").notes
    folder = ComparisonFolder(tmp_path / "comparison")
    keep_source(folder, load_sources([tmp_path / "one.npy"])[0])
    for name in ("first", "second"):
        save_file(tiny().state_dict(), tmp_path / f"{name}.safetensors")
        folder.add_vae(vae_record(Candidate(name, tmp_path / f"{name}.safetensors")))
        decode_missing(folder, load_sources([tmp_path / "one.npy"]) if name == "first" else kept_sources(folder))
    assert [(cell.state, note in cell.notes) for cell in folder.cells.values()] == [("done", True)] * 2


def test_progress_is_told_in_words_that_people_know(
    folder: ComparisonFolder, pictures: list[Source], tmp_path: Path
) -> None:
    """It said "encode down.0" and "decode up.1", which are names of tensors."""
    tiny = TinyAutoencoder(TinyShape(4, 8, (1, 1, 1, 1), (1, 1, 1, 1)))
    save_file(tiny.state_dict(), tmp_path / "tiny.safetensors")
    folder.add_vae(vae_record(Candidate("tiny", tmp_path / "tiny.safetensors")))
    told: set[str] = set()
    decode_missing(folder, pictures[:1], progress=lambda _fraction, what: told.add(what.rpartition(": ")[2]))
    assert {"encoding, level 1 of 4", "decoding, level 4 of 4", "decoding, middle", "measuring"} <= told
    assert any(what.startswith("decoding, layer 1 of ") for what in told)
    assert not any(re.search(r"[a-z]\.\d|_", what) for what in told)


def test_a_vae_without_an_encoder_says_what_it_can_still_do(
    folder: ComparisonFolder, pictures: list[Source], tmp_path: Path
) -> None:
    half = {name: value for name, value in small_kl(7).items() if "decoder" in name or "post" in name}
    save_file(half, tmp_path / "half.safetensors")
    record = vae_record(Candidate("half", tmp_path / "half.safetensors"))
    folder.add_vae(record)
    decode_missing(folder, pictures[:1])
    told = folder.cells[pictures[0].record.id, record.id].error or ""
    assert told.startswith("This VAE has no encoder. It can still decode: give it latents")
    decode_missing(folder, pictures[:1], encoder=Candidate("1.st", tmp_path / "1.safetensors"))
    assert folder.cells[pictures[0].record.id, record.id].state == "done"


def test_another_vae_of_the_latent_space_encodes_for_one_that_cannot(
    folder: ComparisonFolder, pictures: list[Source], tmp_path: Path
) -> None:
    """TAESD comes as two files. Beside its encoder, and beside any VAE of SD1, its decoder said that it has no encoder."""
    half = {name: value for name, value in small_kl(7).items() if "decoder" in name or "post" in name}
    save_file(half, tmp_path / "half.safetensors")

    def verdict(path: Path, space: str, *halves: str) -> Verdict:
        return Verdict(
            str(path), "vae", Certainty.CERTAIN, (), architecture="ldm/kl-f8", latent_space=space, halves=halves
        )

    one, two = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    decoder = Candidate("half", tmp_path / "half.safetensors", verdict(tmp_path / "half.safetensors", "sd1", "decoder"))
    known = [
        Candidate("1.st", one, verdict(one, "sdxl", "encoder", "decoder")),
        Candidate("2.st", two, verdict(two, "sd1", "encoder", "decoder")),
        decoder,
    ]
    folder.add_vae(vae_record(decoder))
    decode_missing(folder, pictures, known)
    own = [folder.cells[source.record.id, vae_record(decoder).id] for source in pictures]
    for cell in own:
        assert (cell.state, cell.encoder) == ("done", "2.st")
        assert "Encoded by 2.st: this VAE has no encoder." in cell.notes
    others = ComparisonFolder(tmp_path / "others")
    for source in pictures:
        keep_source(others, source)
    others.add_vae(vae_record(decoder))
    decode_missing(others, pictures, [decoder], encoder=known[1])
    assert [cell.measures for cell in others.cells.values()] == [cell.measures for cell in own]


def test_a_vae_without_a_decoder_says_so_whatever_latent_it_is_given(
    folder: ComparisonFolder, pictures: list[Source], tmp_path: Path
) -> None:
    """Beside a latent of 16 channels it said that it decodes latents of 4, and it decodes none."""
    half = {name: value for name, value in small_kl(7).items() if "encoder" in name or name.startswith("quant")}
    save_file(half, tmp_path / "half.safetensors")
    record = vae_record(Candidate("half", tmp_path / "half.safetensors"))
    folder.add_vae(record)
    latent = Source.of_latents(torch.randn(1, 16, 4, 4), "flux", "latent", space=None, are_scaled=True)
    keep_source(folder, latent)
    decode_missing(folder, [pictures[0], latent])
    for source in (pictures[0], latent):
        told = folder.cells[source.record.id, record.id].error or ""
        assert told.startswith("half has no decoder. It can still encode")


def test_a_picture_that_is_damaged_meanwhile_ends_its_row_alone(
    folder: ComparisonFolder, pictures: list[Source], vaes: list[Candidate]
) -> None:
    """With an encoder for all, the whole comparison ended with "2.png cannot be read as a picture"."""
    kept = kept_sources(folder)
    damaged = folder.path / str(folder.sources[pictures[1].record.id].image)
    damaged.write_bytes(damaged.read_bytes()[:60])
    decode_missing(folder, kept, encoder=vaes[0])
    states = [folder.cells[source.record.id, vae_record(vae).id].state for source in pictures for vae in vaes]
    assert states == ["done", "done", "failed", "failed"]
    with pytest.raises(UnreadableFile):
        decode_missing(folder, kept, encoder=Candidate("none", folder.path / "none.safetensors"))


def test_others_have_the_device_between_two_cells(folder: ComparisonFolder, pictures: list[Source]) -> None:
    """A picture asked for in the web UI waited until the last VAE of a comparison was done, minutes later."""
    held: list[int] = []

    @contextlib.contextmanager
    def exclusive(_progress: object) -> Iterator[None]:
        held.append(sum(cell.state == "done" for cell in folder.cells.values()))
        yield

    decode_missing(folder, pictures, exclusive=exclusive)
    assert held == [0, 0, 1, 2, 3], "once to see what is to be done, then for each cell"
