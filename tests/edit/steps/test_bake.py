"""A VAE in a copy of a checkpoint, of which nothing else changes."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.edit.files import decoded, latents, made, metadata_of, same
from tests.identity.files import Tensors, cast, checkpoint, in_diffusers_names, save, small_kl
from tests.small_vaes import small_kl as wider_kl
from vae_workbench.edit.steps.bake import Bake
from vae_workbench.edit.steps.extract import Extract
from vae_workbench.errors import InvalidInput


def others(tensors: Tensors) -> Tensors:
    return {name: value for name, value in tensors.items() if not name.startswith(("first_stage_model.", "vae."))}


def raw_header(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: 8 + int.from_bytes(content[:8], "little")]


def test_every_other_byte_is_that_of_the_checkpoint(tmp_path: Path) -> None:
    vae = save(tmp_path / "v.safetensors", small_kl(1))
    # As a foreign program may write it: unsorted, with blanks.
    tensors = checkpoint("sd1", small_kl(0))
    text, data = [], b""
    for name, value in sorted(tensors.items(), key=lambda item: hashlib.sha256(item[0].encode()).digest()):
        content = value.contiguous().numpy().tobytes()
        place = [len(data), len(data) + len(content)]
        text.append(f'"{name}" : {json.dumps({"data_offsets": place, "dtype": "F32", "shape": list(value.shape)})}')
        data += content
    header = ('{"__metadata__" : {"a" : "b"},\n ' + ", ".join(text) + "}").encode()
    source = tmp_path / "c.safetensors"
    source.write_bytes(struct.pack("<Q", len(header)) + header + data)
    path = made(vae, Bake(source))
    assert raw_header(path) == raw_header(source)
    assert same(load_file(path), checkpoint("sd1", small_kl(1)))
    assert same(load_file(made(path, Extract())), small_kl(1))
    assert made(made(path, Extract()), Bake(path)).read_bytes() == path.read_bytes()


def test_a_hash_in_the_metadata_becomes_the_right_one(tmp_path: Path) -> None:
    vae = save(tmp_path / "v.safetensors", small_kl(1))
    given = {"modelspec.hash_sha256": "0x" + "a" * 64, "note": "kept"}
    path = made(vae, Bake(save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl(0)), metadata=given)))
    data = path.read_bytes()[len(raw_header(path)) :]
    assert metadata_of(path) == given | {"modelspec.hash_sha256": "0x" + hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize(
    "inside",
    [{}, in_diffusers_names(small_kl(0)), cast(small_kl(0), torch.float16)],
    ids=["none", "diffusers names", "another precision"],
)
def test_where_the_places_differ_it_is_put_behind(tmp_path: Path, inside: Tensors) -> None:
    vae = save(tmp_path / "v.safetensors", small_kl(1))
    given = {"note": "kept"}
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", inside), metadata=given)
    path = made(vae, Bake(source))
    assert same(load_file(path), checkpoint("sd1", small_kl(1))) and metadata_of(path) == given
    assert same(others(load_file(path)), others(load_file(source)))


def test_it_decodes_as_the_file_at_the_written_precision(tmp_path: Path) -> None:
    vae = save(tmp_path / "v.safetensors", small_kl(1))
    path = made(vae, Bake(save(tmp_path / "c.ckpt", checkpoint("sd1", small_kl(0)), "torch-zip"), "fp16"))
    half = save(tmp_path / "half.safetensors", cast(small_kl(1), torch.float16))
    assert torch.equal(decoded(path, latents()), decoded(half, latents()))


def test_the_prefix_that_the_checkpoint_has_stays(tmp_path: Path) -> None:
    vae = save(tmp_path / "v.safetensors", small_kl(1, 16))
    source = save(tmp_path / "c.safetensors", checkpoint("flux1", small_kl(0, 16), "vae."))
    assert same(load_file(made(vae, Bake(source))), checkpoint("flux1", small_kl(1, 16), "vae."))


REFUSED = {
    "latents have 16 channels": (small_kl(1, 16), checkpoint("sd1", small_kl())),
    "its network is another": (wider_kl(), checkpoint("sd1", small_kl())),
    "it holds|is incomplete|missing": (
        {name: value for name, value in small_kl().items() if "norm_out" not in name},
        checkpoint("sd1", {}),
    ),
    "whole KL autoencoders only": (
        {name: value for name, value in small_kl().items() if name.startswith(("decoder.", "post"))},
        checkpoint("sd1", {}),
    ),
    "is no checkpoint": (small_kl(), small_kl(1)),
    "is a checkpoint, no VAE": (checkpoint("sd1", small_kl()), checkpoint("sd1", small_kl(1))),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_does_not_fit_is_refused(tmp_path: Path, sentence: str) -> None:
    vae, into = REFUSED[sentence]
    sources = [save(tmp_path / "v.safetensors", vae), save(tmp_path / "c.safetensors", into)]
    with pytest.raises(InvalidInput, match=sentence):
        made(sources[0], Bake(sources[1]))
    assert sorted(tmp_path.iterdir()) == sorted(sources)


def test_another_latent_space_is_refused(tmp_path: Path) -> None:
    vae = tmp_path / "v.safetensors"
    save_file(small_kl(1), vae, {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"})
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl(0)))
    with pytest.raises(InvalidInput, match="it is for SDXL, and the checkpoint for SD1 and SD2"):
        made(vae, Bake(source))
