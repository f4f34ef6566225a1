"""Baking a VAE in the checkpoint merger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from modules import extras, sd_models, sd_vae, shared
from safetensors import safe_open
from safetensors.torch import save_file

from tests.webui.world import BAD, GOOD, STOCK, Tensors, World, digest, digest_of, small_vae
from vae_workbench.autoencoder.build import build
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.webui import patching
from vae_workbench.webui.switching.merger import patch_merger
from vae_workbench.weights.reader import load_tensors

Merge = Callable[..., str]
BAKED = "first_stage_model."
WITHOUT = "novae.safetensors"
BAKES = [*((name, "tiny.safetensors") for name in GOOD), ("diffusers.safetensors", WITHOUT), (GOOD[-1], "pairnv.ckpt")]
MISFITS = [
    *((name, "tiny.safetensors") for name in BAD),
    ("bad half.safetensors", WITHOUT),
    ("bad nan.safetensors", WITHOUT),
]


@pytest.fixture
def made(world: World, tmp_path: Path) -> Path:
    """Where merged checkpoints go."""
    shared.cmd_opts.ckpt_dir = shared.cmd_opts.ckpt_dir or str(tmp_path / "checkpoints")
    return Path(shared.cmd_opts.ckpt_dir)


@pytest.fixture
def merge(made: Path) -> Merge:
    """What a click on Merge does; gives the sentence that is shown. The file is ``made/merged.safetensors``."""
    if not STOCK:
        patch_merger()

    def run(bake: str, primary: str = "tiny.safetensors", secondary: str | None = None, **more: Any) -> str:
        method = "Weighted sum" if secondary else "No interpolation"
        titles = {info.name: info.title for info in sd_models.checkpoints_list.values()}
        models = titles[primary], titles.get(secondary), None
        rest = {
            "save_as_half": False, "custom_name": "merged", "checkpoint_format": "safetensors", "config_source": 3,
            "bake_in_vae": bake, "discard_weights": "", "save_metadata": True, "add_merge_recipe": True,
            "copy_metadata_fields": True, "metadata_json": "{}", **more,
        }  # fmt: skip
        return str(extras.run_modelmerger("task", *models, method, 0.5, *rest.values())[-1])

    return run


def inside(path: Path) -> Tensors:
    """The VAE in a checkpoint, by the names that the web UI reads."""
    return {n.removeprefix(BAKED): t for n, t in load_tensors(path).items() if n.startswith(BAKED)}


@pytest.mark.parametrize(("name", "primary"), BAKES)
def test_d29_a_vae_in_any_form_is_baked_wholly(merge: Merge, made: Path, world: World, name: str, primary: str) -> None:
    """Only names that were in the checkpoint were baked: none into one without a VAE, few of a file with other names."""
    assert "saved" in merge(name, primary)
    vae = inside(made / "merged.safetensors")
    assert digest(vae) == world.file(name)
    assert {name: tensor.shape for name, tensor in vae.items()} == {n: t.shape for n, t in small_vae(1).items()}
    rest = {n: t for n, t in load_tensors(made / "merged.safetensors").items() if not n.startswith(BAKED)}
    before = {n: t for n, t in load_tensors(world.path(primary)).items() if not n.startswith(BAKED)}
    assert digest(rest) == digest(before)


@pytest.mark.parametrize("pair", [("tiny", "tiny2"), ("tiny", "novae"), ("novae", "tiny")])
def test_d29_into_a_merge_of_two(merge: Merge, made: Path, world: World, pair: tuple[str, str]) -> None:
    primary, secondary = (f"{name}.safetensors" for name in pair)
    assert "saved" in merge("diffusers.safetensors", primary, secondary)
    merged = load_tensors(made / "merged.safetensors")
    assert digest(inside(made / "merged.safetensors")) == world.file("diffusers.safetensors")
    some, others = load_tensors(world.path(primary)), load_tensors(world.path(secondary))
    name = next(n for n in some if n.startswith("model.diffusion_model.") and some[n].ndim > 1)
    assert torch.allclose(merged[name], (some[name] + others[name]) / 2)


@pytest.mark.parametrize(("name", "primary"), MISFITS)
def test_d29_what_does_not_fit_is_refused_before_the_merge(
    merge: Merge, made: Path, monkeypatch: pytest.MonkeyPatch, name: str, primary: str
) -> None:
    """Tensors of other shapes and damaged weights were written, and an unreadable file was told of after the long merge."""
    read: list[object] = []
    monkeypatch.setattr(sd_models, "read_state_dict", lambda *given, **_: read.append(given))
    assert name in merge(name, primary)
    assert read == [] and not (made / "merged.safetensors").exists()


def test_d29_a_vae_of_another_kind_is_refused(merge: Merge, made: Path, world: World) -> None:
    """Also where the checkpoint has none to compare it with."""
    flux = build(KLShape.standard(width=32, latent_channels=16, multipliers=(1, 1, 1, 1), blocks=1)).state_dict()
    save_file({name: torch.zeros(tensor.shape) for name, tensor in flux.items()}, world.vaes / "flux.safetensors")
    assert "flux.safetensors cannot be baked into novae" in merge("flux.safetensors", WITHOUT)
    assert not (made / "merged.safetensors").exists()


def six_channels(vae: Tensors) -> Tensors:
    """For pictures of six channels, such as those with their normals."""
    ends = {
        "encoder.conv_in.weight": torch.zeros(vae["encoder.conv_in.weight"].shape[0], 6, 3, 3),
        "decoder.conv_out.weight": torch.zeros(6, vae["decoder.conv_out.weight"].shape[1], 3, 3),
        "decoder.conv_out.bias": torch.zeros(6),
    }
    return {**vae, **ends}


def without_attention(vae: Tensors) -> Tensors:
    return {name: tensor for name, tensor in vae.items() if ".attn_1." not in name}


@pytest.mark.parametrize("primary", [WITHOUT, "tiny.safetensors"])
@pytest.mark.parametrize("form", [six_channels, without_attention])
def test_a_network_that_the_web_ui_does_not_build_is_refused_everywhere(
    merge: Merge, made: Path, world: World, form: Callable[[Tensors], Tensors], primary: str
) -> None:
    """A switch refused it; the merger baked it into a checkpoint without a VAE, and the API set it as an override."""
    from vae_workbench.choice.assign import preferred_vae
    from vae_workbench.errors import InvalidInput
    from vae_workbench.webui.choosing.choose import candidates
    from vae_workbench.webui.switching.switch import Refused, select

    save_file(form(small_vae(50)), world.vaes / "odd.safetensors")
    assert "odd.safetensors cannot be baked into" in merge("odd.safetensors", primary)
    assert not (made / "merged.safetensors").exists()
    world.load("pairnv.safetensors" if primary == "tiny.safetensors" else "pairnv.ckpt")
    was = world.vae
    with pytest.raises(Refused):
        select(world.model, "odd.safetensors")
    found, target = candidates(world.path(primary))
    with pytest.raises(InvalidInput):
        preferred_vae("odd.safetensors", [target], found)
    assert not world.select("odd.safetensors") and world.vae == was


def test_what_is_only_probably_of_another_latent_space_is_baked_with_a_warning(
    merge: Merge, made: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    metadata = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    save_file(small_vae(30), world.vaes / "xl.safetensors", metadata)
    assert "saved" in merge("xl.safetensors")
    assert digest_of(made / "merged.safetensors") == world.file("xl.safetensors")
    assert "xl.safetensors is baked in all the same: it is probably for SDXL" in caplog.text


def test_d29_a_name_that_is_gone_is_refused(merge: Merge, made: Path) -> None:
    """Nothing was baked, and nobody said so."""
    assert "gone.pt" in merge("gone.pt")
    assert not (made / "merged.safetensors").exists()


def test_the_web_uis_own_steps_stay_as_they_are(merge: Merge, made: Path, world: World) -> None:
    merge("diffusers.safetensors", save_as_half=True, discard_weights="first_stage_model.encoder")
    vae, path = inside(made / "merged.safetensors"), made / "merged.safetensors"
    kept = {n: t.half() for n, t in small_vae(6).items() if not n.startswith("encoder")}
    assert digest(vae) == digest(kept) and {t.dtype for t in vae.values()} == {torch.float16}
    with safe_open(path, "pt") as file:
        assert "diffusers.safetensors" in json.dumps(file.metadata())


def test_without_baking_the_checkpoint_keeps_its_own(merge: Merge, made: Path, world: World) -> None:
    merge("diffusers.safetensors")
    merge("None")
    assert digest_of(made / "merged.safetensors") == world.baked("tiny.safetensors")


def test_after_unloading_the_web_uis_own_functions_are_back(merge: Merge) -> None:
    ours = extras.run_modelmerger, sd_models.read_state_dict, sd_vae.load_vae_dict
    patching.undo_all()
    theirs = extras.run_modelmerger, sd_models.read_state_dict, sd_vae.load_vae_dict
    assert all(mine is not its for mine, its in zip(ours, theirs, strict=True))
