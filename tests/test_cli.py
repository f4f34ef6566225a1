"""The terminal."""

from __future__ import annotations

import itertools
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
from vae_workbench.library.library import Library
from vae_workbench.progress import Progress
from vae_workbench.weights.safetensors_header import Header, read_header
from vae_workbench.weights.source import Source

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
        "wrapper": "",
        "code": [],
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


def test_inspect_tells_of_code_and_of_the_key_that_weights_lie_under(tmp_path: Path, capsys: Output) -> None:
    torch.save({"state_dict": {"vae": {"w": torch.zeros(4)}}, "trap": print}, tmp_path / "a.ckpt")
    assert main(["inspect", str(tmp_path / "a.ckpt")]) == 0
    out = capsys.readouterr().out
    assert "1 tensors under state_dict.vae" in out
    assert "It holds code, which was not run: its pickle names builtins.print." in out
    assert main(["inspect", str(tmp_path / "a.ckpt"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["wrapper"], told["code"]) == ("state_dict.vae", ["builtins.print"])


HOSTILE_TEXT = "\x1b[31mred\x1b[0m\nsecond line\u202e"


@pytest.mark.parametrize("command", ["inspect", "identify"])
def test_text_from_files_cannot_act_on_the_terminal(tmp_path: Path, capsys: Output, command: str) -> None:
    """Metadata and names were printed as they were: a file could colour the terminal, or forge lines of the output."""
    save_file(
        small_kl() | {HOSTILE_TEXT: torch.zeros(1)}, tmp_path / "a.safetensors", {HOSTILE_TEXT: HOSTILE_TEXT * 100}
    )
    assert main([command, str(tmp_path / "a.safetensors")]) == 0
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines()) and "\nsecond" not in out
    assert command == "identify" or r"\x1b[31mred\x1b[0m\x0asecond line\u202e" in out
    assert len(out) < 50_000


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="their file names are always Unicode")
@pytest.mark.parametrize(
    ("command", "as_json", "encoding"),
    [("identify", True, "ascii"), *itertools.product(["inspect"], [True, False], ["ascii", "utf-8", "cp1252"])],
)
def test_names_that_no_console_can_show(tmp_path: Path, command: str, as_json: bool, encoding: str) -> None:
    """A name that is not UTF-8, as archives from other systems leave them, and a name that ASCII lacks."""
    good, missing = (os.fsdecode(name) for name in ("latin-é 😀.pt".encode("latin-1", "ignore"), b"missing-\xe9.pt"))
    good = f"{good}😀"
    save_file({"w": torch.zeros(1)}, tmp_path / good)
    for name in (good, missing):
        done = subprocess.run(
            [sys.executable, "-m", "vae_workbench", command, tmp_path / name, *(["--json"] if as_json else [])],
            capture_output=True,
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONWARNINGS": "ignore"},
        )
        assert b"Traceback" not in done.stderr
        assert done.returncode == (0 if name == good else 2)
        if as_json:
            told = json.dumps(json.loads(done.stdout.decode(encoding)))
            assert r"-\\xe9" in told or (command, name) == ("inspect", good)
        else:
            assert rb"-\xe9" in done.stdout + done.stderr


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "/there"), KeyError("x"), MemoryError()])
@pytest.mark.parametrize("as_json", [True, False])
def test_whatever_goes_wrong_is_one_sentence(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, error: Exception, as_json: bool
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("vae_workbench.cli.inspect.read_inventory", fail)
    assert main(["inspect", "x", *(["--json"] if as_json else [])]) == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)["error"] if as_json else captured.err
    assert "Traceback" not in captured.err and told.strip().endswith(".") and len(told.splitlines()) == 1
    assert not isinstance(error, OSError) or "/there cannot be used: Permission denied" in told


def test_one_file_that_fails_does_not_hide_the_others(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = save_small_kl(tmp_path / "good.safetensors"), tmp_path / "bad.safetensors"
    real = read_header

    def fail(source: Source, faults: list[str] | None = None) -> Header:
        if source.path == str(bad):
            raise OSError(5, "Input/output error")
        return real(source, faults)

    save_small_kl(bad)
    monkeypatch.setattr("vae_workbench.weights.safetensors_header.read_header", fail)
    assert main(["identify", str(bad), str(good)]) == 2
    captured = capsys.readouterr()
    assert f"{bad}: broken" in captured.out and "Input/output error" in captured.out and f"{good}: vae" in captured.out


@pytest.mark.parametrize("as_json", [True, False])
def test_a_bad_file_gives_one_sentence_and_exit_code_2(tmp_path: Path, capsys: Output, as_json: bool) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00garbagegarbage!!")
    assert main(["inspect", str(path), *(["--json"] if as_json else [])]) == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)["error"] if as_json else captured.err
    assert "bad.safetensors" in told and "Traceback" not in captured.err
    assert as_json or captured.out == ""


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
    assert told[0]["copies_of"] == ["b/vae.safetensors"] and len(told[0]["sha256"]) == 64
    assert main([*command, "--sha256"]) == 0
    out = capsys.readouterr().out
    assert (
        "2 VAE files, 0 checkpoints. 2 files, 0 new or changed, 0 gone." in out
        and "The same VAE is in b/vae.safetensors." in out
    )
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)[0]["sha256"]) == 64
    (tmp_path / "b" / "bad.pt").write_bytes(b"junk")
    assert main(command) == 2
    out = capsys.readouterr().out
    assert "bad.pt: broken" in out and out.count("bad.pt is") == 1


def test_scan_hashes_what_is_large_when_asked_and_goes_on_where_it_cannot(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae_workbench.identity.hashes.SMALL", 0)
    names = ("gone.safetensors", "there.safetensors")
    for name in names:
        save_small_kl(tmp_path / name)
    real = Library.compute_sha256

    def compute(library: Library, path: str, progress: Progress) -> str:
        (tmp_path / "gone.safetensors").unlink(missing_ok=True)
        return real(library, path, progress)

    monkeypatch.setattr(Library, "compute_sha256", compute)
    assert main(["scan", str(tmp_path), "--data", str(tmp_path / "data"), "--sha256", "--json"]) == 0
    captured = capsys.readouterr()
    assert [file["sha256"] is None for file in json.loads(captured.out)] == [True, False]
    assert captured.err == "gone.safetensors does not exist. Check the path and refresh.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names of text only")
def test_scan_and_choose_with_names_that_are_not_utf_8(models: Path, capsys: Output) -> None:
    """``scan`` ended with a traceback and set a healthy index aside, each time."""
    vae, model = (os.fsdecode(name) for name in (b"latin-\xe9.safetensors", b"\x83v.safetensors"))
    (models / "VAE/orange.safetensors").rename(models / "VAE" / vae)
    (models / "AOM3.safetensors").rename(models / model)
    for _ in range(2):
        assert main(["scan", str(models), "--json"]) == 0
        captured = capsys.readouterr()
        names = {file["name"] for file in json.loads(captured.out)}
        assert {r"latin-\xe9.safetensors", r"\x83v.safetensors"} < names and captured.err == ""
    assert [path.name for path in (models / "data").iterdir() if "damaged" in path.name] == []
    for name in (vae, r"latin-\xe9.safetensors", r"Latin-\xe9"):
        told = choose(models, capsys, model, "--set", name)
        assert (told["vae"], told["source"]) == (r"latin-\xe9.safetensors", "override")
        assert told["checkpoint"].endswith(r"\x83v.safetensors") and told["path"].endswith(told["vae"])
        assert json.loads((models / model).with_suffix(".json").read_text("utf-8")) == {
            "vae": r"latin-\xe9.safetensors"
        }
        assert choose(models, capsys, model, "--clear")["source"] == "own"
    capsys.readouterr()
    assert main(["scan", str(models)]) == 0 and main(["choose", str(models / model)]) == 0
    assert capsys.readouterr().out.encode("utf-8")


@pytest.mark.parametrize("home", ["/dev/null", "/proc/none"])
@pytest.mark.skipif(sys.platform != "linux", reason="these places are Linux's")
def test_scan_and_choose_without_a_home(
    models: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """Where the data folder can neither be made nor read, all works from memory."""
    monkeypatch.setenv("VAEWB_DATA", f"{home}/data")
    assert main(["scan", str(models), "--json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 5 and "cannot be used" in captured.err and "Traceback" not in captured.err
    assert main(["choose", str(models / "AOM3.safetensors"), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["source"] == "own" and "Traceback" not in captured.err
    assert main(["choose", str(models / "AOM3.safetensors"), "--set", "None"]) == 2
    assert "cannot be" in capsys.readouterr().err


def test_choose_tells_and_serves_copies_of_the_checkpoint(models: Path, capsys: Output) -> None:
    copy = shutil.copy(models / "AOM3.safetensors", models / "copy.safetensors")
    (models / "far").mkdir()
    shutil.copy(copy, models / "far" / "away.safetensors")
    main(["scan", str(models)])
    capsys.readouterr()
    told = choose(models, capsys, "AOM3.safetensors", "--set", "orange.safetensors")
    assert told["copies"] == "This also counts for away.safetensors, copy.safetensors, whose content is the same."
    assert choose(models, capsys, "copy.safetensors")["source"] == "override"
    assert all((models / f"{name}.json").exists() for name in ("AOM3", "copy", "far/away"))
    assert choose(models, capsys, "copy.safetensors", "--clear")["source"] == "own"
    assert [path for path in models.rglob("*.json") if path.parent != models / "data"] == [], "taken back everywhere"
    assert choose(models, capsys, "AOM3.safetensors")["source"] == "own"


def test_choose_asks_for_a_confirmation_in_its_own_words(models: Path, capsys: Output) -> None:
    (models / "VAE/proof.safetensors").unlink()
    (models / "VAE/xl.safetensors").rename(models / "VAE/sdxl.safetensors")
    assert main(["choose", str(models / "AOM3.safetensors"), "--vae-dir", str(models / "VAE"), "--set", "sdxl"]) == 2
    assert "it is by its name for SDXL, and AOM3 is for SD1 and SD2. Give --force if" in capsys.readouterr().err
    assert choose(models, capsys, "AOM3.safetensors", "--set", "sdxl", "--force")["vae"] == "sdxl.safetensors"


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


def test_choose_takes_the_path_of_a_vae(models: Path, capsys: Output) -> None:
    """A path was looked for among the names of the list, and a person in a terminal was told to refresh it."""
    save_tensors(models / "else.safetensors", small_vae(seed=7))
    assert main(["choose", str(models / "AOM3.safetensors"), "--set", str(models / "else.safetensors")]) == 0
    assert capsys.readouterr().out.startswith("AOM3.safetensors: else.safetensors (override for AOM3)\n")
    assert main(["choose", str(models / "AOM3.safetensors"), "--set", "orange"]) == 2
    fault = "There is no VAE called orange here. Give its path, or the folder that it is in with --vae-dir."
    assert capsys.readouterr().err.strip() == fault


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


def test_targets_are_looked_at_before_the_work(tmp_path: Path, capsys: Output) -> None:
    """A chart for a folder that was not there failed after the whole computation. Here not even the VAE is there."""
    nowhere = str(tmp_path / "nowhere" / "chart.png")
    assert main(["check", str(tmp_path / "none.pt"), "--chart", nowhere]) == 2
    assert "nowhere is not there" in capsys.readouterr().err


def test_check_says_what_a_half_runs_in(tmp_path: Path, capsys: Output) -> None:
    """ "needs fp16" sounded like a demand."""
    save_file(overflowing(), tmp_path / "v.safetensors")
    main(["check", str(tmp_path / "v.safetensors")])
    told = capsys.readouterr().out
    assert "encoder: runs in fp16;" in told and "decoder: overflows in fp16, and runs in fp16 once" in told


def test_check_refuses_other_networks_in_words(tmp_path: Path, capsys: Output) -> None:
    tensors = {name: value.clone() for name, value in overflowing().items()}
    tensors["encoder.conv_in.weight"] = torch.randn(32, 4, 3, 3)
    save_file(tensors, tmp_path / "v.safetensors")
    assert main(["check", str(tmp_path / "v.safetensors")]) == 2
    assert "v.safetensors is not for RGB pictures" in capsys.readouterr().err


def test_check_of_an_encoder_with_latents(tmp_path: Path, capsys: Output) -> None:
    """It checked nothing and said nothing."""
    tensors = {name: value for name, value in overflowing().items() if name.startswith(("encoder", "quant"))}
    save_file(tensors, tmp_path / "v.safetensors")
    save_file({"latents": torch.randn(1, 4, 4, 4)}, tmp_path / "latents.safetensors")
    assert main(["check", str(tmp_path / "v.safetensors"), "--latents", str(tmp_path / "latents.safetensors")]) == 2
    assert "has no decoder for these latents" in capsys.readouterr().err


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


def test_check_warns_of_zeros(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "zeros.safetensors"
    save_file({name: torch.zeros_like(value) for name, value in small_kl().items()}, path)
    assert main(["check", str(path)]) == 0
    out = capsys.readouterr().out
    assert (
        out.startswith("It holds nothing but zeros") and "encoder: makes nothing but zeros" in out and "inf " not in out
    )
    assert main(["check", "--json", str(path)]) == 0
    assert "nothing but zeros" in json.loads(capsys.readouterr().out)["warnings"][0]


def test_what_is_told_is_not_logged_to_the_terminal_too(tmp_path: Path) -> None:
    """An index that cannot be used was told twice, and other troubles with a traceback: Python prints what nobody handles."""
    (tmp_path / "library.sqlite").mkdir()
    command = [sys.executable, "-m", "vae_workbench", "scan", str(tmp_path), "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.count("index cannot be used") == 1
