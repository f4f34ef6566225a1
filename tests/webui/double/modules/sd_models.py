"""Checkpoints: their list, and the models in memory that have their weights."""

import os
from collections import OrderedDict

import torch

from modules import cache, devices, hashes, paths, script_callbacks, sd_hijack, sd_vae, shared

model_path = os.path.join(paths.models_path, "Stable-diffusion")
checkpoints_list = {}
checkpoint_aliases = {}
checkpoints_loaded = OrderedDict()


class CheckpointInfo:
    def __init__(self, filename):
        self.filename = filename
        self.name = self.title = os.path.basename(filename)
        self.name_for_extra = os.path.splitext(self.name)[0]
        self.metadata = cache.cached_data_for_file("safetensors-metadata", f"checkpoint/{self.name}", filename, dict)
        self.sha256 = hashes.sha256_from_cache(filename, f"checkpoint/{self.name}")
        self.shorthash = self.sha256 and self.sha256[:10]

    def register(self):
        checkpoints_list[self.title] = checkpoint_aliases[self.title] = self
        checkpoint_aliases.setdefault(self.name_for_extra, self)


def list_models():
    checkpoints_list.clear()
    checkpoint_aliases.clear()
    for folder in filter(None, (model_path, shared.cmd_opts.ckpt_dir)):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith((".ckpt", ".safetensors")) and ".vae." not in name:
                CheckpointInfo(os.path.join(folder, name)).register()


def select_checkpoint():
    choice_for = checkpoint_aliases.get(shared.opts.sd_model_checkpoint)
    return choice_for or next(iter(checkpoints_list.values()))


def get_closet_checkpoint_match(search_string):
    return checkpoint_aliases.get(search_string)


class SdModelData:
    def __init__(self):
        self.sd_model = None
        self.loaded_sd_models = []

    def get_sd_model(self):
        if self.sd_model is None and checkpoints_list:
            load_model()
        return self.sd_model

    def set_sd_model(self, v, already_loaded=False):
        self.sd_model = v
        if already_loaded:
            _remember(v)
        if v in self.loaded_sd_models:
            self.loaded_sd_models.remove(v)
        if v is not None:
            self.loaded_sd_models.insert(0, v)


model_data = SdModelData()


def _remember(model):
    sd_vae.base_vae = getattr(model, "base_vae", None)
    sd_vae.loaded_vae_file = getattr(model, "loaded_vae_file", None)
    sd_vae.checkpoint_info = model.sd_checkpoint_info


class LatentDiffusion(torch.nn.Module):
    """A UNet of one layer and a whole VAE."""

    def __init__(self):
        super().__init__()
        from tests.webui.world import shape_of
        from vae_workbench.autoencoder.build import build

        self.model = torch.nn.Module()
        self.model.diffusion_model = torch.nn.Linear(8, 8)
        self.first_stage_model = build(shape_of()).to_empty(device="cpu").requires_grad_(False)
        self.lowvram = self.hijacked = False
        self.scale_factor = 0.18215

    def decode_first_stage(self, z):
        z = 1.0 / self.scale_factor * z
        return self.first_stage_model.decode(z)


def read_state_dict(checkpoint_file, print_global_state=False, map_location=None):
    if checkpoint_file.endswith(".safetensors"):
        from safetensors.torch import load, load_file

        if shared.opts.disable_mmap_load_safetensors:
            with open(checkpoint_file, "rb") as file:
                tensors = load(file.read())
        else:
            tensors = load_file(checkpoint_file)
    else:
        tensors = torch.load(checkpoint_file, weights_only=False)
    return dict(tensors.get("state_dict", tensors))


def get_checkpoint_state_dict(checkpoint_info, timer):
    if checkpoint_info in checkpoints_loaded:
        checkpoints_loaded.move_to_end(checkpoint_info)
        return checkpoints_loaded[checkpoint_info]
    return read_state_dict(checkpoint_info.filename)


def _config_of(checkpoint_info):
    return os.path.splitext(checkpoint_info.filename)[0] + ".yaml"


def load_model_weights(model, checkpoint_info, state_dict, timer):
    shared.opts.data["sd_model_checkpoint"] = checkpoint_info.title
    if state_dict is None:
        state_dict = get_checkpoint_state_dict(checkpoint_info, timer)
    model.is_sdxl = any(name.startswith("conditioner.") for name in state_dict)
    model.is_sd1 = not model.is_sdxl
    model.is_sd2 = model.is_sd3 = False
    if shared.opts.sd_checkpoint_cache > 0:
        checkpoints_loaded[checkpoint_info] = state_dict.copy()
    model.load_state_dict(state_dict, strict=False)
    model.first_stage_model.to(devices.dtype_vae)
    while len(checkpoints_loaded) > shared.opts.sd_checkpoint_cache:
        checkpoints_loaded.popitem(last=False)
    model.sd_checkpoint_info = checkpoint_info
    model.sd_model_checkpoint = checkpoint_info.filename
    sd_vae.delete_base_vae()
    sd_vae.clear_loaded_vae()
    vae_file, vae_source = sd_vae.resolve_vae(checkpoint_info.filename).tuple()
    sd_vae.load_vae(model, vae_file, vae_source)


def load_model(checkpoint_info=None, already_loaded_state_dict=None):
    checkpoint_info = checkpoint_info or select_checkpoint()
    model_data.sd_model = None
    state_dict = already_loaded_state_dict or get_checkpoint_state_dict(checkpoint_info, None)
    model = LatentDiffusion()
    model.used_config = _config_of(checkpoint_info)
    with torch.no_grad():  # weights that the checkpoint lacks stay zero
        for tensor in model.state_dict().values():
            tensor.zero_()
    load_model_weights(model, checkpoint_info, state_dict, None)
    sd_hijack.model_hijack.hijack(model)
    model.eval()
    model_data.set_sd_model(model)
    script_callbacks.model_loaded_callback(model)
    return model


def reuse_model_from_already_loaded(sd_model, checkpoint_info, timer):
    loaded = model_data.loaded_sd_models
    if sd_model is not None and sd_model.sd_checkpoint_info.filename == checkpoint_info.filename:
        return sd_model
    same = [model for model in loaded if model.sd_checkpoint_info.filename == checkpoint_info.filename]
    for model in reversed(list(loaded)):
        if model not in same and len(loaded) > shared.opts.sd_checkpoints_limit > 0:
            loaded.remove(model)
            model.to("meta")
    if same:
        model_data.set_sd_model(same[0], already_loaded=True)
        shared.opts.data["sd_model_checkpoint"] = checkpoint_info.title
        sd_vae.reload_vae_weights(same[0])
        return same[0]
    if shared.opts.sd_checkpoints_limit > 1 and len(loaded) < shared.opts.sd_checkpoints_limit:
        model_data.sd_model = None
        return load_model(checkpoint_info)
    if not loaded:
        return None
    model_data.sd_model = loaded.pop()
    _remember(model_data.sd_model)
    return model_data.sd_model


def reload_model_weights(sd_model=None, info=None, forced_reload=False):
    checkpoint_info = info or select_checkpoint()
    sd_model = sd_model or model_data.sd_model
    before = sd_model.sd_checkpoint_info if sd_model is not None else None
    if sd_model is not None and before.filename == checkpoint_info.filename and not forced_reload:
        return sd_model
    sd_model = reuse_model_from_already_loaded(sd_model, checkpoint_info, None)
    if not forced_reload and sd_model is not None and sd_model.sd_checkpoint_info.filename == checkpoint_info.filename:
        return sd_model
    if sd_model is not None:
        sd_hijack.model_hijack.undo_hijack(sd_model)
    state_dict = get_checkpoint_state_dict(checkpoint_info, None)
    if sd_model is None or _config_of(checkpoint_info) != sd_model.used_config:
        if sd_model is not None:
            sd_model.to("meta")
        return load_model(checkpoint_info, already_loaded_state_dict=state_dict)
    try:
        load_model_weights(sd_model, checkpoint_info, state_dict, None)
    except Exception:
        load_model_weights(sd_model, before, None, None)
        raise
    finally:
        sd_hijack.model_hijack.hijack(sd_model)
        script_callbacks.model_loaded_callback(sd_model)
    model_data.set_sd_model(sd_model)
    return sd_model
