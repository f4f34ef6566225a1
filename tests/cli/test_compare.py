"""``compare`` in the terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.host_vaes import overflowing
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.cli.main import main

Output = pytest.CaptureFixture[str]

CELL = ["source", "vae", "precision", "seconds", "psnr", "ssim", "delta_e", "flip", "brightness", "contrast"]
CELL += ["saturation", "a", "b", "sharpness", "words", "notes", "error", "image"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed, name in enumerate(("one.png", "two.png")):
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def vaes(tmp_path: Path) -> list[str]:
    """``--vae`` and two of them."""
    files = [save_small_kl(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    return [word for file in files for word in ("--vae", str(file))]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def report(out: Path) -> dict:
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def test_what_is_printed_is_the_report(pictures: Path, vaes: list[str], out: Path, capsys: Output) -> None:
    assert main(["compare", str(pictures), "builtin:colours", "--size", "64", *vaes, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == report(out)
    assert list(told) == ["sources", "vaes", "cells"]
    assert [source["name"] for source in told["sources"]] == ["one.png", "two.png", "colours"]
    assert [vae["name"] for vae in told["vaes"]] == ["1.safetensors", "2.safetensors"]
    assert len(told["cells"]) == 6 and all(list(cell) == CELL for cell in told["cells"])
    assert {(cell["source"], cell["vae"]) for cell in told["cells"]} >= {("two.png", "2.safetensors")}
    for cell in told["cells"]:
        assert (out / cell["image"]).is_file() and cell["words"] and cell["error"] is None and cell["psnr"] > 0
    assert (out / "comparison.json").is_file() and (out / "grid.png").is_file()
    assert str(out.parent) not in (out / "report.json").read_text(encoding="utf-8"), "paths stay here"


def test_words_come_first_and_the_best_is_marked(pictures: Path, vaes: list[str], out: Path, capsys: Output) -> None:
    assert main(["compare", str(pictures / "one.png"), *vaes, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    first, *told = lines
    cells = report(out)["cells"]
    assert first == "one.png (picture, 32×24)"
    assert told[0].startswith(f"  1.safetensors: {cells[0]['words']}.")
    assert f"PSNR {cells[0]['psnr']:.2f} dB" in told[1] and "fp32" in told[1]
    best = json.loads((out / "comparison.json").read_text())["cells"]
    assert ["dB ★" in line for line in (told[1], told[3])] == ["psnr" in cell["best"] for cell in best]
    assert sum(line.count("★") for line in told) == sum(len(cell["best"]) for cell in best) > 0


def test_the_same_command_again_decodes_nothing(pictures: Path, vaes: list[str], out: Path, capsys: Output) -> None:
    command = ["compare", str(pictures / "one.png"), *vaes, "--out", str(out)]
    assert main(command) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("cell-*.png")}
    assert main(command) == 0
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("cell-*.png")} == before
    assert len(before) == 2


def test_what_is_named_later_is_added_and_only_that_is_decoded(
    pictures: Path, vaes: list[str], out: Path, tmp_path: Path
) -> None:
    assert main(["compare", str(pictures / "one.png"), *vaes, "--out", str(out)]) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("cell-*.png")}
    new = save_small_kl(tmp_path / "3.safetensors", 3)
    assert main(["compare", str(pictures / "two.png"), "--vae", str(new), "--out", str(out)]) == 0
    told = report(out)
    assert len(told["cells"]) == 6 and all(cell["image"] for cell in told["cells"])
    assert [vae["name"] for vae in told["vaes"]] == ["1.safetensors", "2.safetensors", "3.safetensors"]
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before


def test_files_of_one_name_are_told_apart(pictures: Path, out: Path, tmp_path: Path) -> None:
    files = []
    for seed, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        files.append(save_small_kl(tmp_path / folder / "vae.safetensors", seed))
        (pictures / f"{'one' if seed else 'two'}.png").replace(tmp_path / folder / "p.png")
    named = [str(tmp_path / folder / "p.png") for folder in ("a", "b")]
    assert main(["compare", *named, "--vae", str(files[0]), "--vae", str(files[1]), "--out", str(out)]) == 0
    assert [vae["name"] for vae in report(out)["vaes"]] == list(map(str, files))
    assert [source["name"] for source in report(out)["sources"]] == ["p.png", "p.png (2)"]


def test_a_file_that_was_changed_takes_the_place_of_what_it_was(pictures: Path, out: Path, tmp_path: Path) -> None:
    vae = save_small_kl(tmp_path / "v.safetensors", 1)
    command = ["compare", str(pictures / "one.png"), "--vae", str(vae), "--out", str(out)]
    assert main(command) == 0
    before = report(out)["cells"]
    save_small_kl(vae, 2)
    os.utime(vae, ns=(1, 1))
    assert main(command) == 0
    (cell,) = report(out)["cells"]
    assert cell["vae"] == "v.safetensors" and cell["psnr"] != before[0]["psnr"]


def test_one_bad_vae_fails_alone(pictures: Path, vaes: list[str], out: Path, tmp_path: Path, capsys: Output) -> None:
    command = ["compare", str(pictures / "one.png"), "--vae", str(tmp_path / "none.pt"), *vaes, "--out", str(out)]
    assert main([*command, "--json"]) == 2
    bad, *good = json.loads(capsys.readouterr().out)["cells"]
    assert "none.pt" in bad["error"] and bad["psnr"] is None and all(cell["psnr"] for cell in good)
    assert main(command) == 2
    assert capsys.readouterr().out.count("none.pt") == 1, "the sentence begins with the name already"


def unusable_sources(folder: Path) -> dict[str, str]:
    """What people hand over by mistake, and a word of what they are told."""
    (folder / "text.png").write_text("this is a text")
    (folder / "cut.png").write_bytes((folder / "pictures" / "one.png").read_bytes()[:-200])
    (folder / "empty").mkdir()
    save_file({"weights": torch.zeros(3)}, folder / "weights.safetensors")
    np.save(folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return {
        "text.png": "not a picture",
        "cut.png": "cut.png",
        "empty": "holds no pictures",
        "weights.safetensors": "weights.safetensors",
        "objects.npy": "objects.npy",
        "gone.png": "does not exist",
    }


def test_sources_that_are_none_fail_alone_each_with_a_sentence(
    pictures: Path, vaes: list[str], out: Path, tmp_path: Path, capsys: Output
) -> None:
    bad = unusable_sources(tmp_path)
    named = [str(tmp_path / name) for name in bad]
    assert main(["compare", *named, "builtin:nobody", str(pictures), *vaes, "--out", str(out), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    failed = {Path(source["name"]).name: source["error"] for source in told["sources"] if source["error"]}
    assert list(failed) == [*bad, "builtin:nobody"] and len(told["cells"]) == 4
    for name, word in bad.items():
        assert word in failed[name] and "\n" not in failed[name] and "Traceback" not in failed[name]


def test_a_bad_picture_of_a_folder_is_told_of_and_the_others_go_on(
    pictures: Path, vaes: list[str], out: Path, capsys: Output
) -> None:
    (pictures / "bad.png").write_text("no picture")
    assert main(["compare", str(pictures), *vaes, "--out", str(out)]) == 2
    assert capsys.readouterr().out.startswith("bad.png is not a picture")
    assert len(report(out)["cells"]) == 4


def test_without_any_source_nothing_is_written(vaes: list[str], out: Path, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "text.png").write_text("x")
    command = ["compare", str(tmp_path / "text.png"), str(tmp_path / "gone.png"), *vaes, "--out", str(out)]
    assert main(command) == 2
    captured = capsys.readouterr()
    assert "text.png is not" in captured.err and "gone.png does not exist" in captured.err and captured.out == ""
    assert main([*command, "--json"]) == 2
    assert "text.png" in json.loads(capsys.readouterr().out)["error"] and not out.exists()


def test_latents_are_decoded_without_a_picture(vaes: list[str], out: Path, tmp_path: Path) -> None:
    """There is no source to compare with: the words compare with the first VAE."""
    save_file({"latents": torch.randn(1, 4, 4, 5)}, tmp_path / "sampled.safetensors")
    command = ["compare", str(tmp_path / "sampled.safetensors"), *vaes, "--out", str(out)]
    assert main(command) == 2, "the failed cells ask for the latent space"
    assert "Name it: sd1" in report(out)["cells"][0]["error"]
    assert main([*command, "--latent-space", "sd1"]) == 0
    told = report(out)
    assert [(source["kind"], source["width"], source["height"]) for source in told["sources"]] == [("latent", 40, 32)]
    assert all(cell["image"] for cell in told["cells"]) and told["cells"][1]["words"]


def test_latents_that_hold_nan_are_told_of(vaes: list[str], out: Path, tmp_path: Path, capsys: Output) -> None:
    save_file({"latents": torch.full((1, 4, 4, 5), float("nan"))}, tmp_path / "nan.safetensors")
    command = ["compare", str(tmp_path / "nan.safetensors"), *vaes[:2], "--latent-space", "sd1", "--out", str(out)]
    main([*command, "--json"])
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert "NaN" in " ".join([*cell["notes"], str(cell["error"])]) and cell["brightness"] is None


def test_differences_are_drawn_against_the_source_or_a_vae(pictures: Path, vaes: list[str], out: Path) -> None:
    command = ["compare", str(pictures / "one.png"), *vaes, "--out", str(out), "--views", "diff,flip"]
    assert main(command) == 0
    assert {path.name for path in out.glob("*.png") if path.name.startswith(("diff", "flip", "grid"))} == {
        f"{view}-one.png-{seed}.safetensors.png" for view in ("diff", "flip") for seed in (1, 2)
    }
    drawn = (out / "diff-one.png-2.safetensors.png").read_bytes()
    assert main([*command, "--against", vaes[1]]) == 0
    assert (out / "diff-one.png-2.safetensors.png").read_bytes() != drawn


def test_latents_and_loss_are_views(pictures: Path, vaes: list[str], out: Path, capsys: Output) -> None:
    command = [
        "compare",
        str(pictures / "one.png"),
        *vaes,
        "--out",
        str(out),
        "--views",
        "latent,loss",
        "--rounds",
        "2",
    ]
    assert main(command) == 0
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert len(content["latents"]) == 2 and len(content["losses"]) == 2
    for name in (*content["latents"][0]["channels_images"], *(r["image"] for r in content["losses"][0]["rounds"])):
        assert (out / name).is_file()
    assert "1.safetensors, again and again: PSNR " in capsys.readouterr().out
    for view in ("latent", "loss"):
        with Image.open(out / f"{view}-one.png.png") as sheet:
            assert len(sheet.getcolors(10**6) or ()) > 20


def test_one_html_file_to_share(vaes: list[str], out: Path, tmp_path: Path, capsys: Output) -> None:
    page = tmp_path / "shared.html"
    command = ["compare", "builtin:colours", "--size", "64", *vaes[:2], "--vae", str(tmp_path / "none.pt")]
    assert main([*command, "--out", str(out), "--html", str(page)]) == 2, "one VAE is not there"
    told = page.read_text(encoding="utf-8")
    assert "customElements.define" in told and told.count("data:image/png;base64,") >= 2 and "none.pt" in told
    assert str(tmp_path) not in told
    assert main([*command, "--out", str(tmp_path / "p"), "--html", str(page)]) == 2
    assert "already exists" in capsys.readouterr().err and not (tmp_path / "p").exists(), "told before the work"
    assert main([*command, "--out", str(out), "--html", str(page), "--overwrite"]) == 2
    assert (out / "comparison.json").is_file()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--device", "abacus"], "abacus"),
        (["--latent-space", "sd9"], "sd9 is no latent space"),
        (["--size", "-4"], "-4"),
        (["--encoder", "nowhere.pt"], "nowhere.pt"),
        (["--rounds", "0"], "0 is no number of rounds"),
        (["--rounds", "21"], "21 is no number of rounds"),
        (["--against", "other.pt"], "other.pt is not compared"),
    ],
)
def test_options_that_make_no_sense(
    pictures: Path, vaes: list[str], out: Path, capsys: Output, options: list[str], fault: str
) -> None:
    assert main(["compare", str(pictures), *vaes, "--out", str(out), *options]) == 2
    err = capsys.readouterr().err
    assert fault in err and "Traceback" not in err
    assert not out.exists()


def test_an_unknown_view_is_refused(pictures: Path, vaes: list[str], out: Path, capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(pictures), *vaes, "--out", str(out), "--views", "grid,chart"])
    assert ended.value.code == 2 and "chart is no view" in capsys.readouterr().err


def test_what_is_no_comparison_is_not_overwritten_unasked(
    pictures: Path, vaes: list[str], out: Path, capsys: Output
) -> None:
    out.mkdir()
    (out / "grid.png").write_text("mine")
    (out / "notes.txt").write_text("mine")
    command = ["compare", str(pictures), *vaes[:2], "--out", str(out)]
    assert main(command) == 2
    assert "already holds grid.png" in capsys.readouterr().err and len(list(out.iterdir())) == 2
    assert main([*command, "--overwrite"]) == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_a_damaged_comparison_is_told_of_and_replaced_if_asked(
    pictures: Path, vaes: list[str], out: Path, capsys: Output
) -> None:
    out.mkdir()
    (out / "comparison.json").write_text("{")
    command = ["compare", str(pictures), *vaes[:2], "--out", str(out)]
    assert main(command) == 2
    assert "is no comparison" in capsys.readouterr().err and (out / "comparison.json").read_text() == "{"
    assert main([*command, "--overwrite"]) == 0
    assert len(report(out)["cells"]) == 2


def test_what_was_done_before_an_interruption_is_kept(
    pictures: Path, vaes: list[str], out: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vae_workbench.compare.decoding import cells

    real, calls = cells.decode_one, []

    def decode(*arguments: object, **options: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(cells, "decode_one", decode)
    command = ["compare", str(pictures), *vaes, "--out", str(out)]
    assert main(command) == 130
    assert "the same command goes on" in capsys.readouterr().err
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("cell-*.png")}
    assert len(before) == 2
    assert main(command) == 0
    assert len(report(out)["cells"]) == 4 and len(calls) == 5
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before


def test_fp16_on_a_cpu_is_warned_of_before(pictures: Path, vaes: list[str], out: Path, capsys: Output) -> None:
    assert main(["compare", str(pictures / "one.png"), *vaes[:2], "--out", str(out), "--dtype", "fp16", "--json"]) == 0
    captured = capsys.readouterr()
    assert "fp16" in captured.err and "CPU" in captured.err
    assert json.loads(captured.out)["cells"][0]["precision"] == "fp16"


def test_a_note_is_told_once(pictures: Path, out: Path, tmp_path: Path, capsys: Output) -> None:
    """A VAE whose encoder fails was told of twice in one line."""
    tensors = small_kl()
    tensors["encoder.conv_in.bias"] = torch.full_like(tensors["encoder.conv_in.bias"], float("nan"))
    save_file(tensors, tmp_path / "nan.safetensors")
    main(["compare", str(pictures / "one.png"), "--vae", str(tmp_path / "nan.safetensors"), "--out", str(out)])
    assert capsys.readouterr().out.count("The encoder of nan.safetensors already made") == 1


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="their file names are always Unicode")
def test_names_that_no_text_can_hold(pictures: Path, tmp_path: Path, out: Path, capsys: Output) -> None:
    picture, vae = (tmp_path / os.fsdecode(name) for name in (b"caf\xe9.png", b"caf\xe9.safetensors"))
    (pictures / "one.png").replace(picture)
    save_small_kl(vae)
    assert main(["compare", str(picture), "--vae", str(vae), "--out", str(out), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["source"], cell["vae"]) == ("caf\\xe9.png", "caf\\xe9.safetensors")


def test_what_is_noted_is_told_once(pictures: Path, out: Path, tmp_path: Path, capsys: Output) -> None:
    """All that was said of a VAE without finite pixels was said twice."""
    tensors = {name: value.clone() for name, value in overflowing().items()}
    tensors["decoder.conv_out.bias"][0] = float("nan")
    save_file(tensors, tmp_path / "v.safetensors")
    main(["compare", str(pictures / "one.png"), "--vae", str(tmp_path / "v.safetensors"), "--out", str(out)])
    assert capsys.readouterr().out.count("not finite") == 1


def test_a_file_is_named_once_in_what_is_said_of_it(pictures: Path, out: Path, tmp_path: Path, capsys: Output) -> None:
    """ "page.safetensors: page.safetensors is …\" """
    (tmp_path / "page.safetensors").write_bytes(b"<!DOCTYPE html><html><title>Sign in</title></html>")
    command = ["compare", str(pictures / "one.png"), "--vae", str(tmp_path / "page.safetensors"), "--out", str(out)]
    assert main(command) == 2
    assert capsys.readouterr().out.splitlines()[1].count("page.safetensors") == 1


def test_the_folder_is_looked_at_before_the_work(vaes: list[str], tmp_path: Path, capsys: Output) -> None:
    """Here not even the sources are there."""
    (tmp_path / "file").touch()
    assert main(["compare", "none.png", *vaes, "--out", str(tmp_path / "file" / "out")]) == 2
    assert "file is no folder" in capsys.readouterr().err


def test_what_cannot_be_drawn_costs_neither_report_nor_page(
    vaes: list[str], pictures: Path, out: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grid of too many pixels came last, after all the work, and nothing but its sentence was left of it."""
    monkeypatch.setattr("vae_workbench.compare.views.grid_picture.MOST_PIXELS", 100)
    page = out.with_name("page.html")
    assert main(["compare", str(pictures), *vaes, "--out", str(out), "--views", "grid,diff", "--html", str(page)]) == 2
    assert len(report(out)["cells"]) == 4 and page.exists() and len(list(out.glob("diff-*"))) == 4
    assert "The grid would have" in capsys.readouterr().err
