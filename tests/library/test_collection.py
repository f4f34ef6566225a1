"""What the files of a library are to each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.identity.files import Tensors, cast, finetune, mixed, small_kl
from vae_workbench.edit.adjust import ColourChange, adjust_decoder
from vae_workbench.identity.verdict import Verdict
from vae_workbench.library.collection import Collection
from vae_workbench.library.library import Library
from vae_workbench.library.relation_map import relation_map


def nearly(tensors: Tensors) -> Tensors:
    noise = torch.Generator().manual_seed(5)
    return {name: it * (1 + 1e-3 * torch.randn(it.shape, generator=noise)) for name, it in tensors.items()}


ALPHA, BETA = small_kl(), finetune(2)
FILES = {
    "alpha": ALPHA,
    "alpha-fp8": cast(ALPHA, torch.float8_e4m3fn),
    "alpha-bf16-in-fp32": cast(ALPHA, torch.bfloat16, torch.float32),
    "nearly": nearly(ALPHA),
    "encoder": {name: it for name, it in ALPHA.items() if name.startswith(("encoder.", "quant_conv."))},
    "toned": adjust_decoder(ALPHA, ColourChange.of(saturation=1.3)),
    "beta": BETA,
    "merge": mixed(0.3, ALPHA, BETA),
    "merge-fp16": cast(mixed(0.3, ALPHA, BETA), torch.float16),
}
"""From the oldest to the newest."""

COPIES = {frozenset({"alpha", "alpha-fp8", "alpha-bf16-in-fp32"}), frozenset({"merge", "merge-fp16"})}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    folder = tmp_path / "models"
    folder.mkdir()
    for age, (name, tensors) in enumerate(FILES.items()):
        save_file(tensors, folder / f"{name}.safetensors")
        os.utime(folder / f"{name}.safetensors", (1e9 + age, 1e9 + age))
    library = Library(tmp_path / "data" / "library.sqlite", tmp_path / "data" / "names.json")
    library.scan([folder])
    return library


def verdict(collection: Collection, name: str) -> Verdict:
    entry = collection.by_name(f"{name}.safetensors")
    assert entry is not None
    return entry.verdict


def test_copies_are_the_same_in_every_place(library: Library) -> None:
    """A half, and a VAE 1e-3 apart, were shown as "the same VAE": who deletes duplicates would have lost data."""
    collection = library.collection()
    vaes, relations = collection.relations
    groups = {frozenset(vaes[place].name.removesuffix(".safetensors") for place in group) for group in relations.groups}
    assert {group for group in groups if len(group) > 1} == COPIES
    for name in FILES:
        told = {copy.removesuffix(".safetensors") for copy in verdict(collection, name).copies_of} | {name}
        assert told == next((group for group in COPIES if name in group), {name})
    alike = {verdict(collection, name).sketch_id for name in FILES}
    assert len(alike) == len(FILES)


def test_a_name_goes_to_copies_only(library: Library) -> None:
    identity = verdict(library.collection(), "alpha").sketch_id
    assert identity
    library.entitle(identity, "My favourite")
    named = {name for name in FILES if verdict(library.collection(), name).known_as}
    assert named == {"alpha", "alpha-fp8", "alpha-bf16-in-fp32"}
    half = verdict(library.collection(), "encoder").relatives[0]
    assert half.text == "It is the encoder of My favourite, without the decoder."


def test_sentences_and_map_agree_on_who_was_made_from_whom(library: Library) -> None:
    collection = library.collection()
    toned, merge = verdict(collection, "toned"), verdict(collection, "merge-fp16")
    assert "It is alpha.safetensors with edited colours: more saturated (×1.30)." in {it.text for it in toned.relatives}
    assert merge.relatives[0].text.startswith("It is a merge: 0.70 × beta.safetensors + 0.30 × alpha.safetensors")
    for name in ("alpha", "beta"):
        assert not any("merge" in it.relation for it in verdict(collection, name).relatives)
    svg = relation_map(*collection.relations).svg
    assert svg.count("l-8 -4v8z") == 4, "two into the merge, one to the edit, one to the half"
    assert ">merge 0.70<" in svg and ">0.30<" in svg and ">colour edit<" in svg and ">encoder<" in svg
