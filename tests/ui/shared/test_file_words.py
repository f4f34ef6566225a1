"""What is known of a file, in plain words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vae_workbench.identity.verdict import Baked, Certainty, Verdict
from vae_workbench.library.entry import Entry
from vae_workbench.ui.shared.file_words import badges, baked_vae, family, file_size, latent_space, weights

VAE = Verdict("v.safetensors", "vae", Certainty.LIKELY, (), "safetensors", "kl-f8", "ldm", "fp16", "sdxl")
CHECKPOINT = Verdict("c.safetensors", "checkpoint", Certainty.CERTAIN, (), "safetensors", "sd1", "ldm", "fp16", "sd1")


def entry(verdict: Verdict) -> Entry:
    return Entry("name", "/path", 1, 1, "f" * 16, verdict)


@pytest.mark.parametrize(
    ("certainty", "words"), [(Certainty.CERTAIN, "certain"), (Certainty.LIKELY, "likely"), (Certainty.GUESS, "a guess")]
)
def test_a_latent_space_tells_how_sure_it_is(certainty: Certainty, words: str) -> None:
    assert latent_space(replace(VAE, certainty=certainty)) == ("SDXL", words)


def test_an_unknown_latent_space_is_no_guess() -> None:
    assert latent_space(replace(VAE, latent_space=None, certainty=Certainty.UNKNOWN)) == ("cannot tell", "")


@pytest.mark.parametrize(
    ("baked", "copies", "words"),
    [
        (Baked("complete", "kl-f8-anime2"), ("a.pt",), "holds kl-f8-anime2"),
        (Baked("complete"), ("a.pt", "b.pt"), "holds the same VAE as a.pt"),
        (Baked("complete"), (), "holds a VAE of its own"),
        (Baked("none"), (), "holds no VAE"),
        (Baked("partial"), (), "its VAE is not complete"),
        (Baked("damaged"), (), "its VAE is damaged"),
        (None, (), ""),
    ],
)
def test_what_is_baked_in(baked: Baked | None, copies: tuple[str, ...], words: str) -> None:
    assert baked_vae(replace(CHECKPOINT, baked=baked, copies_of=copies)) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sd1", "SD1"),
        ("sdxl-inpaint", "SDXL for inpainting"),
        ("sdxl-refiner", "SDXL refiner"),
        ("sd2-depth", "SD2 guided by depth"),
        ("unknown", "unknown"),
    ],
)
def test_families_as_people_call_them(name: str, words: str) -> None:
    assert family(replace(CHECKPOINT, architecture=name)) == words


def test_badges_tell_why() -> None:
    assert badges(entry(VAE)) == ()
    broken = replace(VAE, kind="broken", error="2 tensors are missing.")
    assert badges(entry(broken)) == (("broken", "error", "2 tensors are missing."),)
    ((text, kind, why),) = badges(entry(replace(VAE, container="torch-legacy")))
    assert (text, kind) == ("pickle", "warning") and "programs" in why
    damaged = replace(
        CHECKPOINT, baked=Baked("damaged"), reasons=("It is SD1.", "Its VAE is damaged. 1 tensor is NaN.")
    )
    assert badges(entry(damaged)) == (("broken VAE", "error", "Its VAE is damaged. 1 tensor is NaN."),)


def test_code_is_told_by_its_name_and_once() -> None:
    ((text, kind, why),) = badges(entry(replace(VAE, container="torch-zip", code=("posix.system",))))
    assert (
        (text, kind) == ("holds code", "error") and "names posix.system" in why and "Nothing of it is run here" in why
    )


def test_what_is_suspicious_is_told_each_for_itself() -> None:
    told = badges(entry(replace(VAE, warnings=("Half of it is zeros.", "A download is beside it."))))
    assert told == (
        ("suspicious", "warning", "Half of it is zeros."),
        ("suspicious", "warning", "A download is beside it."),
    )


@pytest.mark.parametrize(
    ("traits", "badge", "why"),
    [
        ({"halves": ("decoder",)}, "decoder only", "only the decoder"),
        ({"image_channels": (4, 4)}, "not RGB", "4 channels"),
        ({"image_channels": (3, 12)}, "not RGB", "3 and 12 channels"),
        ({"middle_attention": False}, "other network", "no attention"),
    ],
)
def test_what_no_web_ui_can_use_is_shown_as_what_it_is(traits: dict[str, Any], badge: str, why: str) -> None:
    ((text, kind, told),) = badges(entry(replace(VAE, **traits)))
    assert (text, kind) == (badge, "info") and why in told


def test_weights_leave_out_what_is_not_known() -> None:
    assert weights(VAE) == ("fp16", "LDM names")
    assert weights(replace(VAE, names=None, dtype=None)) == ()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (6_680, "6.7 KB"),
        (334_641_190, "335 MB"),
        (2_132_625_644, "2.1 GB"),
        (24 * 10**9, "24 GB"),
    ],
)
def test_sizes(size: int, words: str) -> None:
    assert file_size(size) == words
