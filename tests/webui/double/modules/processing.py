"""One generation: its override settings are applied, a picture is decoded, and its infotext says how."""

import torch

from modules import devices, sd_models, sd_samplers_common, sd_vae, shared


class StableDiffusionProcessingTxt2Img:
    def __init__(self, override_settings=None, **_):
        self.override_settings = override_settings or {}
        self.extra_generation_params = {}
        self.comments = {}
        self.override_settings_restore_afterwards = True
        self.scripts = None

    @property
    def sd_model(self):
        return shared.sd_model

    def comment(self, text):
        self.comments[text] = 1

    def close(self):
        pass


class Processed:
    def __init__(self, p, images, infotexts):
        self.images, self.infotexts, self.comments = images, infotexts, "".join(f"{c}\n" for c in p.comments)


def process_images(p):
    before = {key: shared.opts.data[key] for key in p.override_settings if key in shared.opts.data}
    try:
        if p.override_settings.get("sd_model_checkpoint") not in sd_models.checkpoint_aliases:
            p.override_settings.pop("sd_model_checkpoint", None)
            sd_models.reload_model_weights()
        for key, value in p.override_settings.items():
            shared.opts.set(key, value, is_api=True, run_callbacks=False)
            if key == "sd_model_checkpoint":
                sd_models.reload_model_weights()
            if key == "sd_vae":
                sd_vae.reload_vae_weights()
        return process_images_inner(p)
    finally:
        for key, value in before.items():
            setattr(shared.opts, key, value)
            if key == "sd_vae":
                sd_vae.reload_vae_weights()


def process_images_inner(p):
    p.sd_vae_name, p.sd_vae_hash = sd_vae.get_loaded_vae_name(), sd_vae.get_loaded_vae_hash()
    bias = p.sd_model.first_stage_model.decoder.conv_out.bias
    params = {
        "Steps": 1,
        "Sampler": "Euler",
        "Model": p.sd_model.sd_checkpoint_info.name_for_extra,
        "VAE hash": p.sd_vae_hash if shared.opts.add_vae_hash_to_info else None,
        "VAE": p.sd_vae_name if shared.opts.add_vae_name_to_info else None,
        **p.extra_generation_params,
    }
    infotext = "\n" + ", ".join(f"{key}: {value}" for key, value in params.items() if value is not None)
    return Processed(p, [tuple(bias.tolist())], [infotext])


class DecodedSamples(list):
    already_decoded = True


def decode_latent_batch(model, batch, target_device=None, check_for_nans=False):
    samples = DecodedSamples()
    if check_for_nans:
        devices.test_for_nans(batch, "unet")
    for i in range(batch.shape[0]):
        sample = sd_samplers_common.decode_first_stage(model, batch[i : i + 1])[0]
        if check_for_nans:
            try:
                devices.test_for_nans(sample, "vae")
            except devices.NansException:
                autofix_dtype = torch.bfloat16 if shared.opts.auto_vae_precision_bfloat16 else torch.float32
                if devices.dtype_vae == autofix_dtype:
                    raise
                devices.dtype_vae = autofix_dtype
                model.first_stage_model.to(devices.dtype_vae)
                sample = sd_samplers_common.decode_first_stage(model, batch[i : i + 1].to(devices.dtype_vae))[0]
        samples.append(sample)
    return samples
