"""The demo VAEs that are made on first use."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.data import data_dir as photos

from vae_workbench.autoencoder.open_file import open_autoencoder
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.comparison import Settings, compare
from vae_workbench.compare.sources.builtin.pictures import built_in
from vae_workbench.compare.sources.picture import load_picture
from vae_workbench.identity.examine import examine
from vae_workbench.identity.judge import judge, taught
from vae_workbench.identity.relatives.references import References
from vae_workbench.standalone.demo_files import SIBLINGS, TRAINED, demo_vaes


@pytest.fixture(scope="module")
def vaes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Candidate]:
    paths = demo_vaes(tmp_path_factory.mktemp("demo") / "made")
    return {path.stem: Candidate(path.stem, path) for path in paths}


def test_one_trained_and_at_least_three_siblings(vaes: dict[str, Candidate]) -> None:
    assert list(vaes) == [TRAINED.stem, *(Path(name).stem for name in SIBLINGS)] and len(vaes) >= 4


def test_they_are_what_their_names_say(vaes: dict[str, Candidate]) -> None:
    picture = load_picture(Path(photos) / "coffee.png", longest_side=256)
    results = {r.candidate.name: r for r in compare(picture, list(vaes.values())).results}
    trained = results[TRAINED.stem]
    assert trained.fidelity.psnr > 20
    assert results["demo-pale"].look.saturation < 0.7 * trained.look.saturation
    assert results["demo-pale"].look.contrast < 0.9 * trained.look.contrast
    assert results["demo-vivid"].look.saturation > 1.2 * trained.look.saturation
    same = results["demo-overflows-in-fp16"]
    assert abs(same.image - trained.image).max() < 1e-2, "in fp32 it decodes what the trained one decodes"


def test_the_blotched_one_has_purple_spots_in_few_places(vaes: dict[str, Candidate]) -> None:
    eyes = np.asarray(built_in("face").crop((128, 192, 384, 320)), np.float32) / 127.5 - 1
    trained, blotched = (open_autoencoder(vaes[name].path) for name in (TRAINED.stem, "demo-blotched"))
    with torch.no_grad():
        latent = trained.encode(torch.from_numpy(eyes).permute(2, 0, 1)[None])
        apart = blotched.decode(latent).clamp(-1, 1) - trained.decode(latent).clamp(-1, 1)
    places = F.avg_pool2d(apart, 8)[0]
    red, green, blue = places[:, places.abs().amax(0) > 0.25].mean(1).tolist()
    assert 0.005 < (places.abs().amax(0) > 0.25).float().mean() < 0.2
    assert green < -0.1 and blue - green > 0.3 and red > green


def test_one_overflows_in_fp16_and_the_trained_one_does_not(vaes: dict[str, Candidate]) -> None:
    picture = load_picture(Path(photos) / "coffee.png", longest_side=64)
    chosen = [vaes["demo-overflows-in-fp16"], vaes[TRAINED.stem]]
    overflowing, healthy = compare(picture, chosen, settings=Settings(precision="fp16")).results
    assert overflowing.fidelity is None and any("not finite numbers in fp16" in note for note in overflowing.notes)
    assert healthy.fidelity is not None


def test_they_are_made_once_and_a_missing_one_again(vaes: dict[str, Candidate]) -> None:
    folder = Path(vaes["demo-pale"].path).parent
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "demo-vivid.safetensors").unlink()
    demo_vaes(folder)
    after = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert set(after) == set(before)
    assert {path for path in before if before[path] != after[path]} == {folder / "demo-vivid.safetensors"}


def test_siblings_are_never_older_than_the_trained_one(tmp_path: Path) -> None:
    """By their times the trained one is known as the origin of the others."""
    for path in demo_vaes(tmp_path)[1:]:
        os.utime(path, (1, 1))
    assert all(path.stat().st_mtime_ns > TRAINED.stat().st_mtime_ns for path in demo_vaes(tmp_path)[1:])


def test_the_first_view_tells_who_was_made_from_whom(tmp_path: Path) -> None:
    """The trained one was told as a merge of its siblings."""
    paths = demo_vaes(tmp_path)
    known_vaes = References(filter(None, (taught(examine(path), path.stem) for path in paths)))
    told = {path.stem: judge(examine(path), known_vaes, path.stem).relatives for path in paths}
    trained, pale, vivid, blotched, overflows = (told[path.stem] for path in paths)
    edits = [("colour edit", False)] * 2 + [("rescaled", False)]
    assert [(it.relation, it.derived) for it in trained] == [*edits, ("same encoder", None)]
    assert blotched[0].text.startswith(f"It has the encoder of {TRAINED.stem}; the decoders are ")
    assert pale[0].text.startswith(f"It is {TRAINED.stem} with edited colours: less saturated")
    assert vivid[0].text.startswith(f"It is {TRAINED.stem} with edited colours: more saturated")
    assert overflows[0].text.startswith(f"It is the same as {TRAINED.stem}, rescaled: the values inside its decoder")
    assert overflows[0].text.endswith(f"{TRAINED.stem} is the fp16-safe one.")


def test_the_network_is_whole(vaes: dict[str, Candidate]) -> None:
    for vae in vaes.values():
        network = open_autoencoder(vae.path)
        assert network.has_encoder and network.has_decoder and network.latent_channels == 4
