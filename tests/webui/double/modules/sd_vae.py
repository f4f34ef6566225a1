"""VAE files: their list, which one a checkpoint gets, and how it gets there."""

import glob
import os
from copy import deepcopy
from dataclasses import dataclass

from modules import devices, extra_networks, hashes, lowvram, paths, script_callbacks, sd_hijack, sd_models, shared

vae_path = os.path.join(paths.models_path, "VAE")
vae_dict = {}
base_vae = None
loaded_vae_file = None
checkpoint_info = None
checkpoints_loaded = {}
unspecified = object()
ENDINGS = ("ckpt", "pt", "safetensors")


def get_loaded_vae_name():
    return None if loaded_vae_file is None else os.path.basename(loaded_vae_file)


def get_loaded_vae_hash():
    if loaded_vae_file is None:
        return None
    sha256 = hashes.sha256(loaded_vae_file, "vae")
    return sha256[0:10] if sha256 else None


def store_base_vae(model):
    global base_vae, checkpoint_info
    if checkpoint_info != model.sd_checkpoint_info:
        assert not loaded_vae_file, "Trying to store non-base VAE!"
        base_vae = deepcopy(model.first_stage_model.state_dict())
        checkpoint_info = model.sd_checkpoint_info


def delete_base_vae():
    global base_vae, checkpoint_info
    base_vae = checkpoint_info = None


def clear_loaded_vae():
    global loaded_vae_file
    loaded_vae_file = None


def restore_base_vae(model):
    global loaded_vae_file
    if base_vae is not None and checkpoint_info == model.sd_checkpoint_info:
        _load_vae_dict(model, base_vae)
        loaded_vae_file = None
    delete_base_vae()


def refresh_vae_list():
    vae_dict.clear()
    marked = [
        (folder, f"**/*.vae.{end}") for folder in (sd_models.model_path, shared.cmd_opts.ckpt_dir) for end in ENDINGS
    ]
    plain = [(folder, f"**/*.{end}") for folder in (vae_path, shared.cmd_opts.vae_dir) for end in ENDINGS]
    for folder, pattern in marked + plain:
        for filepath in glob.iglob(os.path.join(folder, pattern), recursive=True) if folder else ():
            vae_dict[os.path.basename(filepath)] = filepath


def find_vae_near_checkpoint(checkpoint_file):
    stem = os.path.basename(checkpoint_file).rsplit(".", 1)[0]
    return next((path for path in vae_dict.values() if os.path.basename(path).startswith(stem)), None)


@dataclass
class VaeResolution:
    vae: str = None
    source: str = None
    resolved: bool = True

    def tuple(self):
        return self.vae, self.source


def _is_automatic():
    return shared.opts.sd_vae in {"Automatic", "auto"}


def _from_setting():
    if shared.opts.sd_vae == "None":
        return VaeResolution()
    path = vae_dict.get(shared.opts.sd_vae)
    return VaeResolution(resolved=False) if path is None else VaeResolution(path, "specified in settings")


def _from_metadata(checkpoint_file):
    preferred = extra_networks.get_user_metadata(checkpoint_file).get("vae", None)
    if preferred == "None":
        return VaeResolution()
    path = vae_dict.get(preferred)
    return VaeResolution(resolved=False) if path is None else VaeResolution(path, "from user metadata")


def resolve_vae(checkpoint_file):
    if shared.cmd_opts.vae_path is not None:
        return VaeResolution(shared.cmd_opts.vae_path, "from commandline argument")
    if shared.opts.sd_vae_overrides_per_model_preferences and not _is_automatic():
        return _from_setting()
    preferred = _from_metadata(checkpoint_file)
    if preferred.resolved:
        return preferred
    near = find_vae_near_checkpoint(checkpoint_file)
    if near is not None and (not shared.opts.sd_vae_overrides_per_model_preferences or _is_automatic()):
        return VaeResolution(near, "found near the checkpoint")
    return _from_setting()


def load_vae_dict(filename, map_location):
    loaded = sd_models.read_state_dict(filename)
    return {k: v for k, v in loaded.items() if k[0:4] != "loss" and not k.startswith("model_ema.")}


def load_vae(model, vae_file=None, vae_source="from unknown source"):
    global loaded_vae_file
    limit = shared.opts.sd_vae_checkpoint_cache
    if vae_file:
        store_base_vae(model)
        tensors = checkpoints_loaded.get(vae_file)
        if tensors is None:
            assert os.path.isfile(vae_file), f"VAE {vae_source} doesn't exist: {vae_file}"
            tensors = load_vae_dict(vae_file, None)
        _load_vae_dict(model, tensors)
        if limit > 0:
            checkpoints_loaded.setdefault(vae_file, tensors)
            while len(checkpoints_loaded) > limit + 1:
                checkpoints_loaded.pop(next(iter(checkpoints_loaded)))
        vae_dict.setdefault(os.path.basename(vae_file), vae_file)
    elif loaded_vae_file:
        restore_base_vae(model)
    loaded_vae_file = model.loaded_vae_file = vae_file
    model.base_vae = base_vae


def _load_vae_dict(model, tensors):
    model.first_stage_model.load_state_dict(tensors)
    model.first_stage_model.to(devices.dtype_vae)


def reload_vae_weights(sd_model=None, vae_file=unspecified):
    sd_model = sd_model or shared.sd_model
    vae_source = "from function argument"
    if vae_file == unspecified:
        vae_file, vae_source = resolve_vae(sd_model.sd_checkpoint_info.filename).tuple()
    if loaded_vae_file == vae_file:
        return None
    if sd_model.lowvram:
        lowvram.send_everything_to_cpu()
    else:
        sd_model.to(devices.cpu)
    sd_hijack.model_hijack.undo_hijack(sd_model)
    load_vae(sd_model, vae_file, vae_source)
    sd_hijack.model_hijack.hijack(sd_model)
    if not sd_model.lowvram:
        sd_model.to(devices.device)
    script_callbacks.model_loaded_callback(sd_model)
    return sd_model
