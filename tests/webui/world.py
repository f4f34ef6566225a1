"""A web UI with checkpoints and VAE files to switch between: the double with small files made here, or the real one with the
tiny checkpoints in its folder. Both have the same names, and VAEs of the same shape."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save, save_file
from torch import Tensor

from vae_workbench.autoencoder.build import build
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.names import canonical_names, canonical_tensors, diffusers_names
from vae_workbench.printable import printable
from vae_workbench.weights.reader import load_tensors

REAL = os.environ.get("VAEWB_REAL_HOST")
STOCK = os.environ.get("VAEWB_STOCK_HOST")
"""Set it to see the web UI's own functions at work: every test of a defect has to fail then."""

NOT_UTF8 = os.fsdecode(b"caf\xe9 \x8b.safetensors")
"""The name of a file from an archive in another encoding; in lists it has escapes."""

Tensors = dict[str, Tensor]


def shape_of(width: int = 32) -> KLShape:
    """That of the tiny checkpoints' VAE in the real web UI; in the double a smaller one, for speed."""
    return KLShape.standard(width=width) if REAL else KLShape.standard(width=width, multipliers=(1, 1, 1, 1), blocks=1)


def small_vae(seed: int, width: int = 32) -> Tensors:
    """Weights of a VAE of the shape that the tiny checkpoints have."""
    shapes = build(shape_of(width)).state_dict()
    numbers = (
        torch.randn(sum(tensor.numel() for tensor in shapes.values()), generator=torch.Generator().manual_seed(seed))
        / 20
    )
    parts = numbers.split([tensor.numel() for tensor in shapes.values()])
    return {name: part.view(tensor.shape) for (name, tensor), part in zip(shapes.items(), parts, strict=True)}


def as_diffusers(tensors: Tensors) -> Tensors:
    """With the names and shapes that diffusers writes."""
    names = diffusers_names(tensors)
    flat = {name for name in tensors if ".attn" in name and ".norm." not in name and name.endswith("weight")}
    return {names[name]: tensor[:, :, 0, 0].clone() if name in flat else tensor for name, tensor in tensors.items()}


def with_nan(tensors: Tensors) -> Tensors:
    return {**tensors, "decoder.conv_out.bias": torch.tensor([0.0, float("nan"), 0.0])}


def checkpoint_of(vae: Tensors, seed: int = 0) -> Tensors:
    unet = {"weight": torch.full((8, 8), float(seed)), "bias": torch.full((8,), float(seed))}
    inside = {f"model.diffusion_model.{name}": tensor for name, tensor in unet.items()}
    inside["cond_stage_model.transformer.weight"] = torch.zeros(2, 2)  # tells that it is of SD1
    return inside | {f"first_stage_model.{name}": tensor for name, tensor in vae.items()}


def save_torch(tensors: Tensors, path: Path) -> None:
    torch.save({"state_dict": tensors}, path)


def make_vaes(folder: Path) -> Path:
    """One VAE in every form that people have, and broken ones."""
    vae = small_vae
    save_file(vae(1), folder / "a.safetensors")
    save_file(vae(2), folder / "b.safetensors")
    save_torch(vae(3), folder / "c.pt")
    save_file({name: tensor.half() for name, tensor in vae(4).items()}, folder / "fp16.safetensors")
    save_file({name: tensor.bfloat16() for name, tensor in vae(5).items()}, folder / "bf16.safetensors")
    save_file(as_diffusers(vae(6)), folder / "diffusers.safetensors")
    save_torch({f"first_stage_model.{name}": tensor for name, tensor in vae(7).items()}, folder / "prefixed.ckpt")
    save_file(checkpoint_of(vae(8)), folder / "whole checkpoint.safetensors")
    (folder / "named.sft").write_bytes(save(vae(9)))
    (folder / NOT_UTF8).write_bytes(save(vae(10)))
    save_file(vae(20, width=64), folder / "bad wide.safetensors")
    save_file({n: t for n, t in vae(21).items() if n.startswith("decoder.")}, folder / "bad half.safetensors")
    save_file(with_nan(vae(22)), folder / "bad nan.safetensors")
    save_file({"foo": torch.zeros(3)}, folder / "bad other.safetensors")
    (folder / "bad corrupt.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0garbagegarbage!!")
    return folder


GOOD = ("a.safetensors", "b.safetensors", "c.pt", "fp16.safetensors", "bf16.safetensors", "diffusers.safetensors")
GOOD = (*GOOD, "named.sft", r"caf\xe9 \x8b.safetensors", "prefixed.ckpt", "whole checkpoint.safetensors")
BAD = tuple(f"bad {name}.safetensors" for name in ("wide", "half", "nan", "other", "corrupt"))


def make_checkpoints(folder: Path) -> Path:
    """Those of the double, named like the tiny ones: ``pair`` and ``pairnv`` exist twice, with one configuration."""
    vae = small_vae
    for seed, name in enumerate(("tiny", "tiny2", "pair", "pairnv"), 1):
        save_file(checkpoint_of(vae(100 + seed), seed), folder / f"{name}.safetensors")
    save_file(checkpoint_of({}, 5), folder / "novae.safetensors")
    save_torch(checkpoint_of(vae(106), 6), folder / "pair.ckpt")
    save_torch(checkpoint_of({}, 7), folder / "pairnv.ckpt")
    return folder


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Equal for equal numbers in tensors of equal names, whatever their precision and shape."""
    found = hashlib.blake2b(digest_size=8)
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].detach().float().cpu().contiguous().numpy().data)
    return found.hexdigest()


def digest_of(path: str | Path) -> str:
    """That of the VAE in a file."""
    tensors = load_tensors(path)
    return digest(canonical_tensors({name: tensors[name] for name in canonical_names(tensors).values()}))


@dataclass
class World:
    """What tests do with the web UI, and what they see of it."""

    vaes: Path

    def load(self, checkpoint: str) -> bool:
        """Chooses a checkpoint in the top bar."""
        from modules import sd_models, shared

        title = next(info.title for info in sd_models.checkpoints_list.values() if info.name == checkpoint)
        return bool(shared.opts.set("sd_model_checkpoint", title)) or self.checkpoint == checkpoint

    def select(self, vae: str) -> bool:
        """Chooses a VAE in the top bar; whether the web UI took it."""
        from modules import shared

        shared.opts.set("sd_vae", vae)
        return bool(shared.opts.sd_vae == vae)

    def generate(self, refiner_checkpoint: str | None = None, **override_settings: object) -> Any:
        """Makes a picture, holding the queue lock as all do who make pictures."""
        from modules import processing, shared
        from modules.call_queue import queue_lock

        model = shared.sd_model
        small = {
            "prompt": "x",
            "steps": 2 if refiner_checkpoint else 1,
            "width": 64,
            "height": 64,
            "seed": 1,
            "sampler_name": "Euler",
        }
        unsaved = {"do_not_save_samples": True, "do_not_save_grid": True}
        refined = {"refiner_checkpoint": refiner_checkpoint, "refiner_switch_at": 0.5} if refiner_checkpoint else {}
        p = processing.StableDiffusionProcessingTxt2Img(
            sd_model=model, override_settings=override_settings, **small, **unsaved, **refined
        )
        with queue_lock:
            return processing.process_images(p)

    def note(self, checkpoint: str, text: str) -> None:
        """Writes the user's metadata of a checkpoint; it is taken away after the test."""
        path = Path(self.path(checkpoint)).with_suffix(".json")
        path.write_text(text, encoding="utf-8")
        self.notes.append(path)

    def __post_init__(self) -> None:
        self.notes: list[Path] = []

    @property
    def model(self) -> Any:
        from modules import shared

        return shared.sd_model

    @property
    def checkpoint(self) -> str:
        return str(self.model.sd_checkpoint_info.name)

    def path(self, checkpoint: str) -> str:
        from modules import sd_models

        return str(next(i.filename for i in sd_models.checkpoints_list.values() if i.name == checkpoint))

    @property
    def vae(self) -> str:
        """What is in the VAE in use."""
        return digest(canonical_tensors(self.model.first_stage_model.state_dict()))

    @property
    def rest(self) -> tuple[object, ...]:
        """Everything else of the model: where its tensors lie, what is in them, and what was done to it."""
        outside = [t for name, t in self.model.state_dict(keep_vars=True).items() if "first_stage_model" not in name]
        places = tuple((id(t), t.data_ptr(), t.dtype, t.device) for t in outside)
        return places, digest({str(n): t for n, t in enumerate(outside)}), id(self.model.first_stage_model)

    def file(self, name: str) -> str:
        """The digest of a VAE file."""
        return digest_of(self.vae_path(name))

    def vae_path(self, name: str) -> Path:
        """The file that is listed under a name."""
        return self.vaes / (NOT_UTF8 if name == printable(NOT_UTF8) else name)

    def baked(self, checkpoint: str) -> str:
        """That of the VAE in a checkpoint."""
        return digest_of(self.path(checkpoint))


@contextmanager
def xyz_script() -> Iterator[Any]:
    """The web UI's script for X/Y/Z plots, with our axis of VAEs in it unless :data:`STOCK`."""
    from modules import scripts

    from vae_workbench.webui.showing.xyz_plot import patch_axis

    path = Path(REAL, "scripts") / "xyz_grid.py" if REAL else Path(__file__).parent / "double" / "xyz_grid.py"
    spec = importlib.util.spec_from_file_location("xyz_grid_under_test", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scripts.scripts_data.append(scripts.ScriptClassData(None, str(path), str(path.parent), module))
    if not STOCK:
        patch_axis()
    try:
        yield module
    finally:
        scripts.scripts_data.pop()


@contextmanager
def clean_host() -> Iterator[Any]:
    """``modules.script_callbacks`` without callbacks.

    Afterwards what is registered is unloaded, options and folders are put back, and no model is loaded.
    """
    from modules import script_callbacks, sd_models, shared

    before, folders = dict(shared.opts.data), (shared.cmd_opts.vae_dir, shared.cmd_opts.ckpt_dir)
    script_callbacks.clear_callbacks()
    try:
        yield script_callbacks
    finally:
        script_callbacks.script_unloaded_callback()
        script_callbacks.clear_callbacks()
        shared.opts.data.clear()
        shared.opts.data.update(before)
        shared.cmd_opts.vae_dir, shared.cmd_opts.ckpt_dir = folders
        sd_models.list_models()  # else whoever asks for a model later gets one of this test's checkpoints
        sd_models.model_data.__init__()


@contextmanager
def opened(vaes: Path, checkpoints: Path | None) -> Iterator[World]:
    """A web UI in which nothing is loaded yet, with our functions in place unless :data:`STOCK`."""
    from modules import paths, sd_models, sd_vae, shared
    from modules.call_queue import queue_lock

    from vae_workbench.webui import library, patching
    from vae_workbench.webui.choosing import choose as choosing
    from vae_workbench.webui.choosing.current_choice import confirmed
    from vae_workbench.webui.showing import generation
    from vae_workbench.webui.switching import put_weights, vae_loading

    def queued(work: Any) -> Any:
        def locked() -> None:
            with queue_lock:
                work()

        return locked

    models = paths.models_path
    paths.models_path = str(vaes.parent / "data")
    for one in (library.library, choosing.preferences):
        one.cache_clear()
    shared.cmd_opts.vae_dir = str(vaes)
    shared.cmd_opts.ckpt_dir = str(checkpoints) if checkpoints else None
    if not STOCK:
        vae_loading.patch_loading()
    shared.opts.onchange("sd_model_checkpoint", queued(lambda: sd_models.reload_model_weights()), call=False)
    shared.opts.onchange("sd_vae", queued(lambda: sd_vae.reload_vae_weights()), call=False)
    if not STOCK:
        vae_loading.patch_selector()
        generation.patch_generation()
    sd_models.list_models()
    sd_vae.refresh_vae_list()
    library.library().scan(library.folders())
    world = World(vaes)
    metadata = [Path(info.filename).with_suffix(".json") for info in sd_models.checkpoints_list.values()]
    made = [path for path in metadata if not path.exists()]  # also for copies of a checkpoint that a test is about
    try:
        yield world
    finally:
        vae_loading.unpatch_loading()
        patching.undo_all()
        put_weights.recent.clear()
        confirmed.clear()
        paths.models_path = models
        for one in (library.library, choosing.preferences):
            one.cache_clear()
        for note in [*world.notes, *made]:
            note.unlink(missing_ok=True)
        sd_models.model_data.__init__()
        sd_models.checkpoints_loaded.clear()
        sd_vae.checkpoints_loaded.clear()
        sd_vae.delete_base_vae()
        sd_vae.clear_loaded_vae()
        for key in ("sd_model_checkpoint", "sd_vae"):
            shared.opts.data_labels[key].onchange = None
