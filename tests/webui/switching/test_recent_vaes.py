"""VAEs kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import torch
from modules import sd_vae, shared
from safetensors.torch import save_file
from torch import nn

from tests.webui.world import BAD, GOOD, World, digest, shape_of, small_vae
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.errors import FileProblem, UnreadableFile
from vae_workbench.webui import options
from vae_workbench.webui.switching import put_weights, swap
from vae_workbench.webui.switching.recent_vaes import MB, RecentVaes
from vae_workbench.webui.switching.swap import copy_into
from vae_workbench.webui.switching.vae_weights import VaeOnDisk, VaeWeights

MEGABYTES = sum(tensor.nbytes for tensor in small_vae(1).values()) / MB


@pytest.fixture
def network() -> nn.Module:
    return KLAutoencoder(shape_of())


def names(paths: Iterable[str]) -> list[str]:
    return [Path(path).name for path in paths]


@pytest.mark.parametrize("limit", [1, 2])
def test_d22_the_one_used_longest_ago_goes_first(world: World, limit: int) -> None:
    """The web UI's cache let go of the one that was read first, however often it was used, and kept one more than its limit."""
    shared.opts.data.update({"sd_vae_checkpoint_cache": limit, options.CACHE_MEGABYTES: 2.2 * MEGABYTES})
    world.load("tiny.safetensors")
    for name in ("a.safetensors", "b.safetensors", "a.safetensors", "fp16.safetensors"):
        world.select(name)
    assert names([*put_weights.recent.paths(), *sd_vae.checkpoints_loaded]) == ["a.safetensors", "fp16.safetensors"]


def test_what_is_kept_is_not_read_again(world: World, network: nn.Module) -> None:
    recent = RecentVaes()
    first = recent.get(str(world.vaes / "a.safetensors"), network, 100)
    assert recent.get(str(world.vaes / "a.safetensors"), network, 100) is first


def test_a_changed_file_is(world: World, network: nn.Module) -> None:
    recent = RecentVaes()
    recent.get(str(world.vaes / "a.safetensors"), network, 100)
    save_file(small_vae(31), world.vaes / "new.tmp")
    (world.vaes / "new.tmp").replace(world.vaes / "a.safetensors")
    assert digest(recent.get(str(world.vaes / "a.safetensors"), network, 100).tensors) == digest(small_vae(31))
    assert names(recent.paths()) == ["a.safetensors"]


@pytest.mark.parametrize("megabytes", [0, MEGABYTES * 0.9])
def test_what_does_not_fit_the_limit_is_not_kept(world: World, network: nn.Module, megabytes: float) -> None:
    recent = RecentVaes()
    assert digest(recent.get(str(world.vaes / "a.safetensors"), network, megabytes).tensors) == digest(small_vae(1))
    assert names(recent.paths()) == []


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "SMALL", 0)


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("name", GOOD)
def test_a_large_one_that_is_not_kept_goes_straight_from_its_file(world: World, network: nn.Module, name: str) -> None:
    read = RecentVaes().get(str(world.vae_path(name)), network, 0)
    assert isinstance(read, VaeOnDisk)
    for dtype in (torch.float32, torch.float16):
        network.to(dtype)
        copy_into(network, read)
        expected = {name: tensor.to(dtype) for name, tensor in in_memory(world.vae_path(name), network).items()}
        assert digest(network.state_dict()) == digest(expected)


def in_memory(path: Path, network: nn.Module) -> Mapping[str, torch.Tensor]:
    read = RecentVaes().get(str(path), network, 1000)
    assert isinstance(read, VaeWeights)
    return read.tensors


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("name", BAD)
def test_a_large_one_is_checked_as_a_whole_first(world: World, network: nn.Module, name: str) -> None:
    with pytest.raises(FileProblem):
        RecentVaes().get(str(world.vaes / name), network, 0)


@pytest.mark.usefixtures("nothing_is_small")
def test_a_large_one_that_changed_since_is_not_copied(world: World, network: nn.Module) -> None:
    read = RecentVaes().get(str(world.vaes / "a.safetensors"), network, 0)
    save_file({**small_vae(32), "loss.x": torch.zeros(1)}, world.vaes / "new.tmp")
    (world.vaes / "new.tmp").replace(world.vaes / "a.safetensors")
    before = digest(network.state_dict())
    with pytest.raises(UnreadableFile, match="changed while it was read"):
        copy_into(network, read)
    assert digest(network.state_dict()) == before


def test_a_file_that_cannot_be_read_leaves_nothing(world: World, network: nn.Module) -> None:
    recent = RecentVaes()
    with pytest.raises(FileProblem):
        recent.get(str(world.vaes / "bad corrupt.safetensors"), network, 100)
    assert names(recent.paths()) == []
