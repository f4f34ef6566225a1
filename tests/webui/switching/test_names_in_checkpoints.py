"""A checkpoint's own VAE under names that the web UI does not know.

A widespread script converts the names of a VAE's layers and leaves those inside its attention as diffusers has them. The web
UI's loader drops such tensors without a word; another VAE, which often gave black pictures, was then taken as the best match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from modules import sd_models, sd_vae, shared
from safetensors.torch import save_file

from tests.webui.world import REAL, Tensors, World, as_diffusers, digest
from vae_workbench.autoencoder.names import canonical_tensors
from vae_workbench.webui.switching import switch
from vae_workbench.webui.switching.loaded_vae import PREFIX
from vae_workbench.weights.reader import load_tensors

TO_DIFFUSERS = {"q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0", "norm": "group_norm"}
TO_OLDER = {"q": "query", "k": "key", "v": "value", "proj_out": "proj_attn"}


def renamed(vae: Tensors, words: dict[str, str], *, flat: bool) -> Tensors:
    """With other words for the layers of the attention; flat ones are matrices instead of 1×1 convolutions."""

    def name_of(name: str) -> str:
        before, attention, after = name.partition(".attn_1.")
        layer, dot, kind = after.partition(".")
        return f"{before}{attention}{words.get(layer, layer)}{dot}{kind}" if attention else name

    return {
        name_of(name): tensor[:, :, 0, 0].clone() if flat and ".attn_1." in name and tensor.ndim == 4 else tensor
        for name, tensor in vae.items()
    }


FORMS: dict[str, Callable[[Tensors], Tensors]] = {
    "to_q": lambda vae: renamed(vae, TO_DIFFUSERS, flat=True),
    "to_q, 4-D": lambda vae: renamed(vae, TO_DIFFUSERS, flat=False),
    "query": lambda vae: renamed(vae, TO_OLDER, flat=True),
    "query, 4-D": lambda vae: renamed(vae, TO_OLDER, flat=False),
    "q, 2-D": lambda vae: renamed(vae, {}, flat=True),
    "diffusers": as_diffusers,
}
PREFIXES = {"first_stage_model": PREFIX, "vae": "vae.", "model": "first_stage_model.model."}


@pytest.fixture
def odd(world: World, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A copy of ``tiny.safetensors`` with other names for its VAE."""
    form, prefix = request.param
    tensors = load_tensors(world.path("tiny.safetensors"))
    vae = {name.removeprefix(PREFIX): tensors.pop(name) for name in list(tensors) if name.startswith(PREFIX)}
    monkeypatch.setattr(shared.cmd_opts, "ckpt_dir", shared.cmd_opts.ckpt_dir or str(tmp_path / "checkpoints"))
    path = Path(shared.cmd_opts.ckpt_dir) / "odd.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({**tensors, **{PREFIXES[prefix] + name: tensor for name, tensor in FORMS[form](vae).items()}}, path)
    beside = Path(world.path("tiny.safetensors")).with_suffix(".yaml")
    if beside.exists():
        path.with_suffix(".yaml").write_bytes(beside.read_bytes())
    sd_models.list_models()
    yield "odd.safetensors"
    monkeypatch.undo()
    sd_models.list_models()


@pytest.mark.parametrize("setting", ["Automatic", "None"])
@pytest.mark.parametrize("odd", [(form, prefix) for form in FORMS for prefix in PREFIXES], indirect=True, ids=str)
def test_it_is_the_one_in_use(world: World, odd: str, setting: str) -> None:
    """Under Automatic and None, loaded first and after another checkpoint; its numbers are those of the file."""
    shared.opts.data["sd_vae"] = setting
    world.load(odd)
    expected = world.baked("tiny.safetensors")
    assert world.vae == expected and sd_vae.loaded_vae_file is None
    assert switch.loaded_vae(world.model).warnings == ()
    if not REAL:
        world.load("tiny2.safetensors")
        world.load(odd)
        assert world.vae == expected
    world.select("a.safetensors")
    assert world.vae == world.file("a.safetensors")
    world.select("None")
    assert world.vae == expected


@pytest.mark.parametrize("odd", [("to_q", "first_stage_model")], indirect=True, ids=str)
def test_a_picture_is_that_of_the_original(world: World, odd: str) -> None:
    pictures = []
    for checkpoint in ("tiny.safetensors", odd):
        world.load(checkpoint)
        pictures.append(world.generate().images[0])
    assert list(pictures[0].getdata() if REAL else pictures[0]) == list(pictures[1].getdata() if REAL else pictures[1])


@pytest.mark.parametrize("odd", [("to_q", "first_stage_model")], indirect=True, ids=str)
def test_with_checkpoints_kept_in_memory(world: World, odd: str) -> None:
    """The web UI keeps the state dicts of checkpoints; what is kept has been renamed once."""
    shared.opts.data["sd_checkpoint_cache"] = 2
    for checkpoint in (odd, "tiny2.safetensors", odd, "tiny2.safetensors", odd):
        world.load(checkpoint)
    assert world.vae == world.baked("tiny.safetensors")


@pytest.mark.parametrize("odd", [("to_q", "first_stage_model")], indirect=True, ids=str)
def test_a_model_that_was_loaded_before_us_has_it_too(world: World, odd: str) -> None:
    from vae_workbench.webui import patching
    from vae_workbench.webui.switching import vae_loading

    patching.undo_all()
    world.load(odd)
    assert world.vae != world.baked("tiny.safetensors"), "the web UI drops those tensors"
    vae_loading.patch_loading()
    sd_vae.reload_vae_weights()
    assert world.vae == world.baked("tiny.safetensors")


def test_a_vae_that_is_not_whole_stays_as_it_is(world: World) -> None:
    from vae_workbench.webui.switching.swap import rename_in

    world.load("tiny.safetensors")
    network = world.model.first_stage_model
    whole = renamed(canonical_tensors(network.state_dict()), TO_DIFFUSERS, flat=True)
    for fault in ("decoder.conv_in.weight", "encoder.mid.attn_1.to_q.weight"):
        part = {PREFIX + name: tensor for name, tensor in whole.items() if name != fault}
        before = dict(part)
        assert not rename_in(part, PREFIX, network)
        assert part.keys() == before.keys()
    other = {PREFIX + name: torch.zeros(3) if name == "decoder.conv_in.bias" else t for name, t in whole.items()}
    assert not rename_in(other, PREFIX, network)
    twice = {PREFIX + name: t for name, t in (*whole.items(), *canonical_tensors(network.state_dict()).items())}
    assert rename_in(twice, PREFIX, network), "under the network's own names it is whole"
    state = {PREFIX + name: tensor for name, tensor in whole.items()}
    assert rename_in(state, PREFIX, network)
    own = {name.removeprefix(PREFIX): tensor for name, tensor in state.items()}
    assert own.keys() == network.state_dict().keys() and digest(canonical_tensors(own)) == world.vae
