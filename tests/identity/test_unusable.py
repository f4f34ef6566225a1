"""Why a file cannot be run here."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from tests.small_vaes import small_kl
from vae_workbench.errors import UnknownArchitecture
from vae_workbench.identity.unusable import unusable

ERROR = UnknownArchitecture("This is no complete VAE: the builder missed something", "Do something")


def test_a_vae_with_missing_tensors_is_told_with_their_names(tmp_path: Path) -> None:
    """A VAE without one norm was said to have "4 levels of resolution and the decoder 1"."""
    tensors = small_kl(1)
    del tensors["decoder.norm_out.bias"]
    save_file(tensors, tmp_path / "v.safetensors")
    told = str(unusable(tmp_path / "v.safetensors", "mine", ERROR))
    assert told.startswith("mine cannot be used") and "decoder.norm_out.bias" in told and "another copy" in told


def test_the_name_is_said_once_and_the_remedy_is_one(tmp_path: Path) -> None:
    save_file({"foo.weight": small_kl()["decoder.conv_in.weight"]}, tmp_path / "v.safetensors")
    told = str(unusable(tmp_path / "v.safetensors", "v.safetensors", ERROR))
    assert told.count("v.safetensors") == 1 and told.endswith("Choose a KL VAE or a TAESD.")
