"""The demo VAEs that are made on first use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vae_workbench.autoencoder.open_file import open_autoencoder
from vae_workbench.compare.candidate import Candidate
from vae_workbench.compare.comparison import Settings, compare
from vae_workbench.compare.picture import load_picture
from vae_workbench.standalone.demo_files import SAMPLE_PICTURE, SIBLINGS, TRAINED, demo_vaes


@pytest.fixture(scope="module")
def vaes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Candidate]:
    paths = demo_vaes(tmp_path_factory.mktemp("demo") / "made")
    return {path.stem: Candidate(path.stem, path) for path in paths}


def test_one_trained_and_at_least_three_siblings(vaes: dict[str, Candidate]) -> None:
    assert list(vaes) == [TRAINED.stem, *(Path(name).stem for name in SIBLINGS)] and len(vaes) >= 4


def test_they_are_what_their_names_say(vaes: dict[str, Candidate]) -> None:
    picture = load_picture(SAMPLE_PICTURE, longest_side=256)
    results = {r.candidate.name: r for r in compare(picture, list(vaes.values())).results}
    trained = results[TRAINED.stem]
    assert trained.fidelity.psnr > 20
    assert results["demo-pale"].look.saturation < 0.7 * trained.look.saturation
    assert results["demo-pale"].look.contrast < 0.9 * trained.look.contrast
    assert results["demo-vivid"].look.saturation > 1.2 * trained.look.saturation
    same = results["demo-overflows-in-fp16"]
    assert abs(same.image - trained.image).max() < 1e-2, "in fp32 it decodes what the trained one decodes"


def test_one_overflows_in_fp16_and_the_trained_one_does_not(vaes: dict[str, Candidate]) -> None:
    picture = load_picture(SAMPLE_PICTURE, longest_side=64)
    chosen = [vaes["demo-overflows-in-fp16"], vaes[TRAINED.stem]]
    overflowing, healthy = compare(picture, chosen, settings=Settings(dtype=torch.float16)).results
    assert overflowing.fidelity is None and any("not finite numbers in float16" in note for note in overflowing.notes)
    assert healthy.fidelity is not None


def test_they_are_made_once_and_a_missing_one_again(vaes: dict[str, Candidate]) -> None:
    folder = Path(vaes["demo-pale"].path).parent
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "demo-vivid.safetensors").unlink()
    demo_vaes(folder)
    after = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(after) == set(before)
    assert {path for path in before if before[path] != after[path]} == {folder / "demo-vivid.safetensors"}


def test_the_network_is_whole(vaes: dict[str, Candidate]) -> None:
    for vae in vaes.values():
        network = open_autoencoder(vae.path)
        assert network.has_encoder and network.has_decoder and network.latent_channels == 4
