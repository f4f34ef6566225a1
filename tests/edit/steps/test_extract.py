"""The VAE of a checkpoint as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.edit.files import made, metadata_of, same, saved
from tests.identity.files import cast, checkpoint, in_diffusers_names, save, small_kl
from vae_workbench.edit.provenance import HISTORY
from vae_workbench.edit.steps.extract import Extract
from vae_workbench.errors import InvalidInput
from vae_workbench.identity.hashes import sha256_of
from vae_workbench.identity.identify import identify
from vae_workbench.identity.verdict import Certainty


@pytest.mark.parametrize("container", ["safetensors", "torch-zip", "torch-legacy", "deflated"])
def test_the_vae_as_it_lies_in_the_checkpoint(tmp_path: Path, container: str) -> None:
    half = cast(small_kl(), torch.float16)
    source = save(tmp_path / "c.ckpt", checkpoint("sdxl", half), container)
    assert same(load_file(made(source, Extract())), half)


def test_names_of_diffusers_become_those_of_ldm(tmp_path: Path) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", in_diffusers_names(small_kl())))
    assert same(load_file(made(source, Extract())), small_kl())


def test_the_file_tells_what_it_is_and_where_it_is_from(tmp_path: Path) -> None:
    given = {"modelspec.title": "Checkpoint", "modelspec.license": "MIT", "modelspec.hash_sha256": "0x" + "1" * 64}
    source = save(tmp_path / "c.safetensors", checkpoint("sdxl", small_kl()), metadata=given)
    path = made(source, Extract(), target=tmp_path / "out.vae.safetensors")
    told = metadata_of(path)
    assert told["modelspec.architecture"] == "stable-diffusion-xl-v1-base/vae"
    assert told["modelspec.title"] == "out.vae" and told["modelspec.license"] == "MIT"
    history = json.loads(told[HISTORY])
    assert history[0]["from"] == "c.safetensors" and history[1] == {"step": "extract", "from": "c.safetensors"}
    content = path.read_bytes()
    (tmp_path / "data").write_bytes(content[8 + int.from_bytes(content[:8], "little") :])
    assert told["modelspec.hash_sha256"] == "0x" + sha256_of(tmp_path / "data")
    verdict = identify(path)
    assert (verdict.latent_space, verdict.certainty) == ("sdxl", Certainty.LIKELY)  # a file's own word is not certain


def test_a_vae_is_a_vae_already(tmp_path: Path) -> None:
    assert any(
        "is a VAE already" in note for note in saved(save(tmp_path / "v.safetensors", small_kl()), Extract()).notes
    )


def test_checkpoints_without_a_whole_vae(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none.safetensors holds no VAE"):
        made(save(tmp_path / "none.safetensors", checkpoint("sd1", {})), Extract())
    part = {name: value for name, value in small_kl().items() if "up.1.block.0.conv1" not in name}
    with pytest.raises(InvalidInput, match=r"The VAE in part.safetensors is not whole.*missing"):
        made(save(tmp_path / "part.safetensors", checkpoint("sd1", part)), Extract())


def test_damage_is_told(tmp_path: Path) -> None:
    hurt = {name: torch.full_like(value, float("nan")) for name, value in small_kl().items()}
    result = saved(save(tmp_path / "c.safetensors", checkpoint("sd1", hurt)), Extract())
    assert any("NaN" in note for note in result.notes)
