"""The terminal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.host_vaes import overflowing
from tests.identity.files import checkpoint
from tests.identity.files import save as save_tensors
from tests.identity.files import small_kl as small_vae
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.cli.main import main

Output = pytest.CaptureFixture[str]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "p.png"
    Image.effect_noise((40, 32), 60).convert("RGB").save(path)
    return path


def test_inspect_as_json(tmp_path: Path, capsys: Output) -> None:
    save_file({"w": torch.zeros(2, 3, dtype=torch.bfloat16)}, tmp_path / "a.safetensors", {"title": "題"})
    assert main(["inspect", str(tmp_path / "a.safetensors"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "container": "safetensors",
        "metadata": {"title": "題"},
        "tensors": {"w": {"dtype": "BF16", "shape": [2, 3]}},
    }


def test_inspect_in_words(tmp_path: Path, capsys: Output) -> None:
    save_file({"w": torch.zeros(2, 3)}, tmp_path / "a.safetensors", {"title": "T"})
    assert main(["inspect", str(tmp_path / "a.safetensors")]) == 0
    out = capsys.readouterr().out
    assert "1 tensors, 6 values" in out and "title = T" in out and "2×3" in out


def test_a_torch_file_is_inspected_too(tmp_path: Path, capsys: Output) -> None:
    torch.save({"state_dict": {"w": torch.zeros(4)}}, tmp_path / "a.ckpt")
    assert main(["inspect", str(tmp_path / "a.ckpt"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["container"] == "torch-zip" and told["tensors"] == {"w": {"dtype": "F32", "shape": [4]}}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_bad_file_gives_one_sentence_and_exit_code_2(tmp_path: Path, capsys: Output, as_json: bool) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00garbagegarbage!!")
    assert main(["inspect", str(path), *(["--json"] if as_json else [])]) == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)["error"] if as_json else captured.err
    assert "bad.safetensors" in told and "Traceback" not in captured.err
    assert as_json or captured.out == ""


def test_compare_writes_what_it_prints(tmp_path: Path, picture: Path, capsys: Output) -> None:
    vaes = [save_small_kl(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    command = ["compare", str(picture), "--out", str(tmp_path / "out"), "--json"]
    assert main([*command, *(word for vae in vaes for word in ("--vae", str(vae)))]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert [r["vae"] for r in told["results"]] == ["1.safetensors", "2.safetensors"]
    assert all((tmp_path / "out" / r["picture"]).is_file() for r in told["results"])


def test_compare_with_one_bad_vae_still_tells_of_the_other(tmp_path: Path, picture: Path, capsys: Output) -> None:
    good = save_small_kl(tmp_path / "good.safetensors")
    command = ["compare", str(picture), "--vae", str(tmp_path / "none.pt"), "--vae", str(good)]
    assert main([*command, "--out", str(tmp_path / "out"), "--json"]) == 2
    results = json.loads(capsys.readouterr().out)["results"]
    assert results[0]["error"] and results[1]["error"] is None and results[1]["psnr"]


def test_compare_names_files_of_one_name_by_their_paths(tmp_path: Path, picture: Path, capsys: Output) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        save_small_kl(tmp_path / folder / "vae.safetensors")
    files = [str(tmp_path / folder / "vae.safetensors") for folder in ("a", "b")]
    assert (
        main(["compare", str(picture), "--vae", files[0], "--vae", files[1], "--out", str(tmp_path / "o"), "--json"])
        == 0
    )
    assert [r["vae"] for r in json.loads(capsys.readouterr().out)["results"]] == files


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--device", "abacus"], "abacus"),
        (["--latent-space", "sd9"], "sd9 is no latent space"),
        (["--size", "-4"], "-4"),
        (["--encoder", "nowhere.pt"], "nowhere.pt"),
    ],
)
def test_options_that_make_no_sense(
    tmp_path: Path, picture: Path, capsys: Output, options: list[str], fault: str
) -> None:
    vae = save_small_kl(tmp_path / "v.safetensors")
    assert main(["compare", str(picture), "--vae", str(vae), "--out", str(tmp_path / "o"), *options]) == 2
    err = capsys.readouterr().err
    assert fault in err and "Traceback" not in err
    assert not (tmp_path / "o").exists()


def test_results_are_not_overwritten_unasked(tmp_path: Path, picture: Path, capsys: Output) -> None:
    vae = save_small_kl(tmp_path / "v.safetensors")
    command = ["compare", str(picture), "--vae", str(vae), "--out", str(tmp_path / "o")]
    assert [main(command), main(command), main([*command, "--overwrite"])] == [0, 2, 0]
    assert "already holds" in capsys.readouterr().err


def test_identify_tells_copies_of_each_other(tmp_path: Path, capsys: Output) -> None:
    """Renamed, halved and in another container: the same VAE."""
    save_small_kl(tmp_path / "a.safetensors")
    torch.save({name: value.half() for name, value in small_kl().items()}, tmp_path / "b.pt")
    save_small_kl(tmp_path / "other.safetensors", seed=9)
    files = [str(tmp_path / name) for name in ("a.safetensors", "b.pt", "other.safetensors")]
    assert main(["identify", *files, "--json"]) == 0
    first, second, other = json.loads(capsys.readouterr().out)
    assert (first["kind"], first["names"], first["dtype"]) == ("vae", "ldm", "fp32")
    assert first["copies_of"] == [files[1]] and second["copies_of"] == [files[0]] and other["copies_of"] == []
    assert first["latent_space"] is None and first["certainty"] == "unknown", "nothing tells SD1 from SDXL here"


def test_identify_tells_of_good_files_beside_a_broken_one(tmp_path: Path, capsys: Output) -> None:
    good, bad = save_small_kl(tmp_path / "good.safetensors"), tmp_path / "bad.safetensors"
    bad.write_bytes(b"junk")
    assert main(["identify", str(bad), str(good)]) == 2
    out = capsys.readouterr().out
    assert f"{bad}: broken" in out and f"{good}: vae" in out


def test_scan_tells_of_every_file_and_reads_unchanged_ones_once(tmp_path: Path, capsys: Output) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        save_small_kl(tmp_path / folder / "vae.safetensors")
    command = ["scan", str(tmp_path / "a"), str(tmp_path / "b"), "--data", str(tmp_path / "data")]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(file["name"], file["path"]) for file in told] == [
        (f"{folder}/vae.safetensors", str(tmp_path / folder / "vae.safetensors")) for folder in ("a", "b")
    ]
    assert told[0]["copies_of"] == ["b/vae.safetensors"] and told[0]["sha256"] is None
    assert main([*command, "--sha256"]) == 0
    out = capsys.readouterr().out
    assert "2 files, 0 of them new" in out and "The same VAE is in b/vae.safetensors." in out
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)[0]["sha256"]) == 64
    (tmp_path / "b" / "bad.pt").write_bytes(b"junk")
    assert main(command) == 2
    out = capsys.readouterr().out
    assert "bad.pt: broken" in out and out.count("bad.pt is") == 1


def test_scan_of_no_folder_is_told(tmp_path: Path, capsys: Output) -> None:
    assert main(["scan", str(tmp_path / "missing"), "--data", str(tmp_path / "data")]) == 2
    assert "is not a folder" in capsys.readouterr().err and not (tmp_path / "data").exists()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints, with and without a VAE, and one of VAEs."""
    monkeypatch.setenv("VAEWB_DATA", str(tmp_path / "data"))
    (tmp_path / "VAE").mkdir()
    save_tensors(tmp_path / "AOM3.safetensors", checkpoint("sd1", small_vae()))
    save_tensors(tmp_path / "bare.ckpt", checkpoint("sd1", {}), "torch-zip")
    save_tensors(tmp_path / "VAE" / "orange.safetensors", small_vae(seed=5))
    save_tensors(tmp_path / "VAE" / "xl.safetensors", small_vae(seed=6))
    save_tensors(tmp_path / "VAE" / "proof.safetensors", checkpoint("sdxl", small_vae(seed=6)))
    return tmp_path


def choose(models: Path, capsys: Output, *options: str) -> dict[str, Any]:
    name, *rest = options
    assert main(["choose", str(models / name), "--vae-dir", str(models / "VAE"), "--json", *rest]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_choose_sets_tells_and_takes_back(models: Path, capsys: Output) -> None:
    assert choose(models, capsys, "AOM3.safetensors")["source"] == "own"
    told = choose(models, capsys, "AOM3.safetensors", "--set", "orange.safetensors")
    assert (told["vae"], told["reason"]) == ("orange.safetensors", "override for AOM3")
    assert json.loads((models / "AOM3.json").read_text()) == {"vae": "orange.safetensors"}
    (models / "AOM3.json").write_text('{"vae": "None", "notes": "mine"}')
    told = choose(models, capsys, "AOM3.safetensors")
    assert (told["vae"], told["source"]) == (None, "override"), "as it was set in the web UI meanwhile"
    assert choose(models, capsys, "AOM3.safetensors", "--clear")["source"] == "own"
    assert json.loads((models / "AOM3.json").read_text()) == {"notes": "mine"}


def test_choose_follows_renamed_files(models: Path, capsys: Output) -> None:
    choose(models, capsys, "AOM3.safetensors", "--set", "orange.safetensors")
    (models / "AOM3.safetensors").rename(models / "renamed.safetensors")
    (models / "VAE" / "orange.safetensors").rename(models / "VAE" / "mandarin.safetensors")
    told = choose(models, capsys, "renamed.safetensors")
    assert (told["vae"], told["reason"]) == ("mandarin.safetensors", "override for renamed")


def test_choose_in_words(models: Path, capsys: Output) -> None:
    shutil.copy(models / "VAE" / "orange.safetensors", models / "bare.vae.safetensors")
    assert main(["choose", str(models / "bare.ckpt")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("bare.ckpt: bare.vae.safetensors (beside the checkpoint)\n")
    assert "→ beside: bare.vae.safetensors." in out and "override: –. This checkpoint has no override." in out


def test_choose_where_nothing_fits(models: Path, capsys: Output) -> None:
    assert main(["choose", str(models / "bare.ckpt"), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["vae"], told["source"]) == (None, "nothing")
    assert "put one for SD1 and SD2 into the folder of VAEs" in told["warnings"][-1]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["bare.ckpt", "--set", "None"], "bare holds no VAE"),
        (["bare.ckpt", "--set", "xl.safetensors", "--force"], "it is for SDXL, and bare is for SD1 and SD2"),
        (["bare.ckpt", "--set", "nowhere.pt"], "There is no VAE called nowhere.pt"),
        (["VAE/orange.safetensors"], "is not a checkpoint"),
        (["nowhere.ckpt"], "nowhere.ckpt does not exist"),
    ],
)
def test_choose_refuses_what_cannot_be(models: Path, capsys: Output, options: list[str], fault: str) -> None:
    name, *rest = options
    assert main(["choose", str(models / name), "--vae-dir", str(models / "VAE"), *rest]) == 2
    captured = capsys.readouterr()
    assert fault in captured.err and captured.out == ""
    assert not (models / "data" / "preferences.json").exists() and not list(models.glob("*.json"))


def checked(capsys: Output, *options: str) -> tuple[int, dict[str, Any]]:
    code = main(["check", *options, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_check_foresees_an_overflow_and_draws_it(tmp_path: Path, capsys: Output) -> None:
    save_file(overflowing(), tmp_path / "bad.safetensors")
    chart = tmp_path / "chart.png"
    code, told = checked(capsys, str(tmp_path / "bad.safetensors"), "--chart", str(chart))
    needs = {half["half"]: (half["needs"], half["overflows_at"]) for half in told["halves"]}
    assert code == 0 and told["damaged"] == []
    assert needs == {"encoder": ("fp16", None), "decoder": ("fp16 rescaled", "decoder.conv_in")}
    with Image.open(chart) as drawn:
        assert drawn.format == "PNG" and drawn.size[0] > 500
    assert main(["check", str(tmp_path / "bad.safetensors"), "--chart", str(chart)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "bad.safetensors"), "--dtype", "bf16"]) == 0
    assert "would overflow" not in capsys.readouterr().out


def test_check_names_damaged_weights(tmp_path: Path, capsys: Output) -> None:
    tensors = {name: value.clone() for name, value in overflowing().items()}
    tensors["decoder.conv_out.bias"][0] = float("inf")
    save_file(tensors, tmp_path / "v.safetensors")
    code, told = checked(capsys, str(tmp_path / "v.safetensors"))
    assert code == 2 and told["damaged"] == ["decoder.conv_out.bias"]


def test_what_check_tells_of_infinities_is_valid_json(tmp_path: Path, capsys: Output) -> None:
    tensors = {name: value.clone() for name, value in overflowing().items()}
    tensors["decoder.conv_out.bias"][0] = float("nan")
    tensors["encoder.conv_in.weight"].zero_()
    tensors["encoder.conv_in.bias"].zero_()
    save_file(tensors, tmp_path / "v.safetensors")

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    assert main(["check", str(tmp_path / "v.safetensors"), "--json"]) == 2
    told = json.loads(capsys.readouterr().out, parse_constant=refuse)
    stages = {stage["name"]: stage for half in told["halves"] for stage in half["stages"]}
    broken, silent, fine = (stages[name] for name in ("decoder.conv_out", "encoder.conv_in", "decoder.conv_in"))
    assert (broken["maximum"], broken["headroom"], broken["finite"]) == (None, 0.0, False)
    assert (silent["maximum"], silent["headroom"], silent["finite"]) == (0.0, None, True)
    assert fine["maximum"] > 65504 and fine["finite"]


@pytest.mark.parametrize("command", ["inspect", "identify", "check"])
def test_a_reader_that_goes_away_ends_a_command_quietly(tmp_path: Path, command: str) -> None:
    """As with ``| head``."""
    save_file(overflowing(), tmp_path / "v.safetensors")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vae_workbench", command, str(tmp_path / "v.safetensors")],
            stdout=writing,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            text=True,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_check_with_a_picture_and_with_latents(tmp_path: Path, picture: Path, capsys: Output) -> None:
    save_file(overflowing("encoder"), tmp_path / "v.safetensors")
    _, told = checked(capsys, str(tmp_path / "v.safetensors"), "--picture", str(picture))
    assert [half["half"] for half in told["halves"]] == ["encoder", "decoder"]
    save_file({"latents": torch.randn(1, 4, 4, 4).half()}, tmp_path / "latents.safetensors")
    _, told = checked(capsys, str(tmp_path / "v.safetensors"), "--latents", str(tmp_path / "latents.safetensors"))
    assert [half["half"] for half in told["halves"]] == ["decoder"]


@pytest.mark.parametrize(
    ("tensor", "fault"),
    [(torch.full((1, 4, 4, 4), float("nan")), "the VAE is not to blame"), (torch.zeros(4), "no latents")],
)
def test_check_with_latents_that_make_no_sense(
    tmp_path: Path, capsys: Output, tensor: torch.Tensor, fault: str
) -> None:
    save_file(overflowing(), tmp_path / "v.safetensors")
    save_file({"latents": tensor}, tmp_path / "latents.safetensors")
    assert main(["check", str(tmp_path / "v.safetensors"), "--latents", str(tmp_path / "latents.safetensors")]) == 2
    assert fault in capsys.readouterr().err


def test_check_of_half_a_vae(tmp_path: Path, capsys: Output) -> None:
    tensors = {name: value for name, value in overflowing().items() if name.startswith(("decoder", "post"))}
    save_file(tensors, tmp_path / "v.safetensors")
    _, told = checked(capsys, str(tmp_path / "v.safetensors"))
    assert [half["half"] for half in told["halves"]] == ["decoder"]
