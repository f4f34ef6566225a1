"""The checkpoint merger: one or two checkpoints, and a VAE baked in."""

import os
import re

import torch
from safetensors.torch import save_file

from modules import sd_models, sd_vae, shared


def to_half(tensor, enable):
    return tensor.half() if enable and tensor.dtype == torch.float else tensor


def run_modelmerger(
    id_task, primary_model_name, secondary_model_name, tertiary_model_name, interp_method, multiplier, save_as_half,
    custom_name, checkpoint_format, config_source, bake_in_vae, discard_weights, save_metadata, add_merge_recipe,
    copy_metadata_fields, metadata_json,
):  # fmt: skip
    interpolated = interp_method == "Weighted sum"
    theta_1 = {}
    if interpolated:
        theta_1 = sd_models.read_state_dict(
            sd_models.checkpoints_list[secondary_model_name].filename, map_location="cpu"
        )
    theta_0 = sd_models.read_state_dict(sd_models.checkpoints_list[primary_model_name].filename, map_location="cpu")
    for key in theta_0:
        if "model" in key and key in theta_1:
            merged = (1 - multiplier) * theta_0[key] + multiplier * theta_1[key]
            theta_0[key] = to_half(merged, save_as_half)
    path = sd_vae.vae_dict.get(bake_in_vae)
    if path is not None:
        for key, tensor in sd_vae.load_vae_dict(path, map_location="cpu").items():
            if "first_stage_model." + key in theta_0:
                theta_0["first_stage_model." + key] = to_half(tensor, save_as_half)
    if save_as_half and not interpolated:
        theta_0 = {key: to_half(tensor, True) for key, tensor in theta_0.items()}
    if discard_weights:
        theta_0 = {key: tensor for key, tensor in theta_0.items() if not re.search(discard_weights, key)}
    path = os.path.join(shared.cmd_opts.ckpt_dir or sd_models.model_path, f"{custom_name}.{checkpoint_format}")
    metadata = {"format": "pt", "sd_merge_recipe": bake_in_vae} if save_metadata else None
    if checkpoint_format == "safetensors":
        save_file(theta_0, path, metadata=metadata)
    else:
        torch.save(theta_0, path)
    sd_models.list_models()
    return [None, None, None, None, f"Checkpoint saved to {path}"]
