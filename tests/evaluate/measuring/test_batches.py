"""What comes of batches of pictures."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.evaluate.small import SIZE, job, pictures
from tests.small_vaes import small_kl
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.comparison import compare
from vae_workbench.compare.measuring.flip import flip
from vae_workbench.compare.sources.picture import load_picture
from vae_workbench.evaluate.evaluation import with_verdicts
from vae_workbench.evaluate.job import Batch, Job, Line
from vae_workbench.evaluate.measuring.batches import evaluate_batches, one_thread


def lines(made: Job, root: Path, *names: str, first: int = 0) -> list[Line]:
    from dataclasses import replace

    known = with_verdicts(replace(made, root=str(root)))
    (found,) = evaluate_batches(known, [Batch(first, names, tuple(known.columns), (0,) * len(names))])
    return found


def test_the_numbers_are_those_of_a_comparison(tmp_path: Path) -> None:
    made = job(tmp_path / "vaes")
    found = lines(made, pictures(tmp_path / "p", 1), "p000.png", first=5)
    from PIL import Image

    Image.open(tmp_path / "p/p000.png").crop((2, 0, 2 + SIZE, SIZE)).save(tmp_path / "square.png")
    picture = load_picture(tmp_path / "square.png")
    compared = compare(picture, made.vaes)
    for line, result in zip(found, compared.results, strict=True):
        assert result.fidelity is not None and result.image is not None
        assert line["picture"] == 5 and abs(line["psnr"] - (result.fidelity.psnr or 0)) < 1e-4
        assert abs(line["delta_e"] - result.fidelity.delta_e) < 1e-4
        assert abs(line["flip"] - flip(compared.original, result.image)) < 1e-5


def test_a_broken_picture_is_named_and_changes_no_other(tmp_path: Path) -> None:
    made, root = job(tmp_path / "vaes", 1), pictures(tmp_path / "p", 3)
    whole = lines(made, root, "p000.png", "p001.png", "p002.png")
    (root / "p001.png").write_bytes(b"nonsense")
    broken, *others = lines(made, root, "p000.png", "p001.png", "p002.png")
    assert broken["picture"] == 1 and "p001.png" in broken["error"] and "vae" not in broken
    assert others == [whole[0], whole[2]]
    assert len(lines(made, root, "p001.png")) == 1


def test_an_encoder_for_all(tmp_path: Path) -> None:
    from dataclasses import replace

    made, root = job(tmp_path / "vaes"), pictures(tmp_path / "p", 2)
    own = lines(made, root, "p000.png", "p001.png")
    shared = lines(replace(made, encoder=made.vaes[0]), root, "p000.png", "p001.png")
    assert own[:2] == shared[:2] and own[2:] != shared[2:]


def test_a_vae_that_gives_no_numbers_fails_alone(tmp_path: Path) -> None:
    made = job(tmp_path / "vaes", 1)
    tensors = small_kl()
    tensors["decoder.conv_out.bias"] = torch.full_like(tensors["decoder.conv_out.bias"], torch.nan)
    save_file(tensors, tmp_path / "nan.safetensors")
    bad = Candidate("nan", tmp_path / "nan.safetensors")
    gone = Candidate("gone", tmp_path / "gone.safetensors")
    both = Job("", (bad, gone, *made.vaes), size=SIZE)
    nan, missing, good = lines(both, pictures(tmp_path / "p", 1), "p000.png")
    assert "not finite" in nan["error"] and not nan.get("again")
    assert "gone" in missing["error"] and missing["again"]
    assert (good["vae"], good["ssim"] <= 1) == (2, True)


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
