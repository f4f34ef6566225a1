"""The VAE for a checkpoint without one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.choice.files import C, checkpoint, library, vae
from vae_workbench.choice.best_match import FP16_UNSAFE, RECOMMENDED, best_matches, widths_of_config
from vae_workbench.choice.decide import decide
from vae_workbench.choice.preferences import Preferences
from vae_workbench.identity.known import known_vaes
from vae_workbench.library.entry import Entry

WIDE, NARROW = (128, 256, 512, 512), (32, 64, 128, 128)
MSE, NAI, STOCK = (
    "vae-ft-mse-840000-ema-pruned",
    "NAI animevae / Anything-V3.0.vae / orangemix",
    "stable-diffusion-v1-5 vae",
)
BARE = checkpoint("bare.ckpt", baked="none")


def test_all_names_are_in_the_table_of_known_vaes() -> None:
    table = {(known.name, known.latent_space) for known in known_vaes()}
    assert {(name, space) for space, names in RECOMMENDED.items() for name in names} <= table
    assert {name for name, _ in table} >= FP16_UNSAFE


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (vae("z.pt", widths=WIDE), vae("a.pt", widths=NARROW)),
        (vae("z.pt", widths=WIDE), vae("a.pt", widths=NARROW, known_as=MSE)),
        (vae("z.pt", widths=WIDE), vae("a.pt")),
        (vae("z.pt"), vae("a.pt", None)),
        (vae("z.pt"), vae("a.pt", certainty=C.LIKELY)),
        (vae("z.pt", known_as=MSE), vae("a.pt", known_as=NAI)),
        (vae("z.pt", known_as=NAI), vae("a.pt", known_as="ClearVAE")),
        (vae("z.pt", known_as=NAI), vae("vae-ft-mse-840000-ema-pruned.ckpt")),
        (vae("vae-ft-mse-840000-ema-pruned.ckpt"), vae("a.pt", known_as="ClearVAE")),
        (vae("z.pt", known_as="ClearVAE"), vae("a.pt")),
        (vae("z.pt"), vae("a.pt", known_as=STOCK)),
        (vae("z.pt"), vae("a.pt", warnings=("Its second half is zeros.",))),
        (vae("z.pt"), vae("a.pt", code=("posix.system",))),
        (vae("z.pt", known_as="ClearVAE"), vae("a.pt", known_as="blessed2")),
        (vae("z.pt"), vae("a.pt", dtype="fp16")),
        (vae("a.pt"), vae("z.pt")),
    ],
)
def test_which_of_two_is_better(better: Entry, worse: Entry) -> None:
    """The best match was chosen by the alphabet: a narrow network, or one that gives NaN."""
    for shelf in (library(better, worse), library(worse, better)):
        assert best_matches(BARE, shelf) == [better, worse]


def test_the_recommended_ones_of_each_latent_space_come_in_their_order() -> None:
    for space, names in RECOMMENDED.items():
        model = checkpoint("bare.ckpt", space, "none")
        architecture = {"sd1": "kl-f8", "sdxl": "kl-f8", "flux2": "flux2"}.get(space, "kl-f8-16ch")
        for better, worse in pairwise(names):
            files = [
                vae(f"{place}.pt", space, architecture=architecture, known_as=name)
                for place, name in (("z", better), ("a", worse))
            ]
            assert best_matches(model, library(*files)) == files


@pytest.mark.parametrize(("network", "best"), [(NARROW, "a.pt"), (WIDE, "z.pt"), ("narrow", "a.pt"), (None, "z.pt")])
def test_the_network_that_it_gets_counts_most(network: str | tuple[int, ...] | None, best: str) -> None:
    files = [
        vae("z.pt", widths=WIDE, shapes_id="wide", known_as=MSE),
        vae("unknown.pt"),
        vae("a.pt", widths=NARROW, shapes_id="narrow"),
    ]
    choice = decide(BARE, "Automatic", Preferences(), library(BARE, *files), network=network)
    assert choice.vae and choice.vae.name == best


def test_what_does_not_fit_is_no_match() -> None:
    files = [
        vae("half.pt", halves=("decoder",)),
        vae("depth.pt", image_channels=(6, 6)),
        vae("plain.pt", middle_attention=False),
        vae("xl.pt", "sdxl"),
        vae("wide.pt", latent_channels=16),
    ]
    model = checkpoint("bare.ckpt", baked="none", latent_channels=4)
    assert best_matches(model, library(*files)) == []


@pytest.mark.parametrize("architecture", ["cascade-stage-a", "kl-f16", "taesd", "hunyuan-image", None])
def test_what_nobody_asked_for_is_no_match_for_a_checkpoint_of_another_latent(architecture: str | None) -> None:
    """A VQ autoencoder was the best match for a checkpoint whose latents have 32 channels."""
    model = checkpoint("bare.ckpt", None, "none", latent_channels=32)
    files = [vae("a.pt", None, architecture=architecture), vae("b.pt", latent_channels=4)]
    assert best_matches(model, library(*files)) == []


CONFIG = """model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    unet_config:
      params:
        ch: 999
        ch_mult: [ 9 ]
    first_stage_config:
      params:
        ddconfig:
          double_z: true
          ch: 32  # narrow
          ch_mult:%s
          num_res_blocks: 2
"""


@pytest.mark.parametrize("numbers", [" [1, 2, 4, 4]", "\n          - 1\n          - 2\n          - 4\n          - 4"])
def test_the_configuration_beside_a_checkpoint_tells_the_network(tmp_path: Path, numbers: str) -> None:
    (tmp_path / "bare.yaml").write_text(CONFIG % numbers)
    model = checkpoint("bare.ckpt", baked="none", folder=str(tmp_path))
    assert widths_of_config(model.path) == NARROW
    files = [vae("a.pt", widths=NARROW), vae("z.pt", widths=WIDE)]
    assert best_matches(model, library(*files)) == files
    (tmp_path / "bare.yaml").unlink()
    assert best_matches(model, library(*files)) == files[::-1]


@pytest.mark.parametrize(
    "content",
    [b"", b"ddconfig:\n  ch: 32\n", b"ddconfig:\n  ch: x\n  ch_mult: []\n", b"\xff\xfe", b"ch: 1\nch_mult: [1]"],
)
def test_a_configuration_that_does_not_say_tells_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bare.yaml").write_bytes(content)
    assert widths_of_config(str(tmp_path / "bare.ckpt")) is None
