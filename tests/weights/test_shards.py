from __future__ import annotations

import os

import pytest

from vae_workbench.weights.shards import Shard, shard_of


@pytest.mark.parametrize(
    ("name", "shard"),
    [
        ("diffusion_pytorch_model-00001-of-00002.safetensors", Shard(1, 2)),
        ("folder/model-00003-of-00003.bin", Shard(3, 3)),
        (os.fsdecode(b"/x/latin-\xe9-00002-of-00010.safetensors"), Shard(2, 10)),
        ("model-00001-of-00001.safetensors", None),
        ("model-00003-of-00002.safetensors", None),
        ("model-1-of-2.safetensors", None),
        ("model.safetensors", None),
    ],
)
def test_parts_are_told_by_their_names(name: str, shard: Shard | None) -> None:
    assert shard_of(name) == shard
