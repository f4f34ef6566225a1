"""One generation: its override settings are applied, a picture is decoded, and its infotext says how."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image

from modules import devices, images, script_callbacks, scripts, sd_models, sd_samplers_common, sd_vae, shared

opt_f = 8


@dataclass(repr=False, eq=False)
class StableDiffusionProcessingTxt2Img:
    sd_model: object = None
    prompt: str = ""
    negative_prompt: str = ""
    seed: int = -1
    subseed: int = -1
    sampler_name: str = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 0
    cfg_scale: float = 7.0
    width: int = 64
    height: int = 64
    tiling: bool = False
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    outpath_samples: str = None
    override_settings: dict = field(default_factory=dict)
    refiner_checkpoint: str = None
    refiner_switch_at: float = None
    enable_hr: bool = False
    denoising_strength: float = 0.75
    hr_scale: float = 2.0
    hr_upscaler: str = None
    hr_checkpoint_name: str = None
    scripts: object = None
    script_args: list = field(default_factory=list)

    def __post_init__(self):
        self.all_prompts = self.all_seeds = self.all_subseeds = None
        self.sd_vae_name = self.sd_vae_hash = None
        self.extra_generation_params = {}
        self.comments = {}
        self.override_settings_restore_afterwards = True
        self.restore_faces = False
        self.color_corrections = self.overlay_images = self.mask_for_overlay = self.paste_to = None

    @property
    def sd_model(self):  # noqa: F811
        return shared.sd_model

    @sd_model.setter
    def sd_model(self, value):
        pass

    def setup_prompts(self):
        self.all_prompts = [self.prompt] * (self.batch_size * self.n_iter)
        self.all_negative_prompts = [""] * len(self.all_prompts)

    def save_samples(self):
        return shared.opts.samples_save and not self.do_not_save_samples

    def sample(self):
        for step in range(self.steps):
            script_callbacks.cfg_denoiser_callback(script_callbacks.CFGDenoiserParams(step, self.steps))
            if shared.state.interrupted:
                break
        scale = self.hr_scale if self.enable_hr else 1
        samples = torch.cat([_noise(seed, self.height // 8, self.width // 8) for seed in self.seeds])
        if not self.enable_hr:
            return samples
        first = decode_latent_batch(self.sd_model, samples)
        assert len(first) == len(samples)
        larger = torch.nn.functional.interpolate(samples, scale_factor=scale)
        return decode_latent_batch(self.sd_model, larger, target_device=devices.cpu, check_for_nans=True)

    def comment(self, text):
        self.comments[text] = 1

    def close(self):
        pass


class Processed:
    def __init__(self, p, images_list, seed=-1, info="", infotexts=None):
        self.images, self.infotexts = images_list, infotexts or [info] * len(images_list)
        self.comments = "".join(f"{c}\n" for c in p.comments)


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
    """Without scripts, and of one step, nobody looks at the picture, which is then what tells one VAE from another."""
    p.sd_vae_name, p.sd_vae_hash = sd_vae.get_loaded_vae_name(), sd_vae.get_loaded_vae_hash()
    p.setup_prompts()
    p.all_seeds = [p.seed + number for number in range(len(p.all_prompts))]
    p.all_subseeds = list(p.all_seeds)
    if p.refiner_checkpoint:
        sd_models.reload_model_weights(info=sd_models.get_closet_checkpoint_match(p.refiner_checkpoint))
    if p.scripts is not None or p.steps > 1:
        p.scripts = p.scripts or scripts.ScriptRunner()
        return _with_scripts(p)
    decode_latent_batch(p.sd_model, torch.zeros(0, 4, 2, 2))
    picture = tuple(p.sd_model.first_stage_model.decoder.conv_out.bias.tolist())
    return Processed(p, [picture], p.seed, create_infotext(p, p.all_prompts, p.all_seeds, p.all_subseeds))


def _noise(seed, height, width):
    return torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(seed))


def _with_scripts(p):
    output_images, infotexts = [], []
    for n in range(p.n_iter):
        if shared.state.interrupted:
            break
        p.iteration = n
        batch = slice(n * p.batch_size, (n + 1) * p.batch_size)
        p.prompts, p.negative_prompts = p.all_prompts[batch], p.all_negative_prompts[batch]
        p.seeds, p.subseeds = p.all_seeds[batch], p.all_subseeds[batch]
        ps = scripts.PostSampleArgs(p.sample())
        p.scripts.post_sample(p, ps)
        decoded = ps.samples
        if not getattr(decoded, "already_decoded", False):
            decoded = decode_latent_batch(p.sd_model, decoded, target_device=devices.cpu, check_for_nans=True)
        x_samples_ddim = torch.clamp((torch.stack(decoded).float() + 1.0) / 2.0, min=0.0, max=1.0)
        p.scripts.postprocess_batch(p, images=x_samples_ddim, batch_number=n)
        batch_params = scripts.PostprocessBatchListArgs(list(x_samples_ddim))
        p.scripts.postprocess_batch_list(p, batch_params, batch_number=n)
        for i, x_sample in enumerate(batch_params.images):
            p.batch_index = i
            image = Image.fromarray((255.0 * np.moveaxis(x_sample.cpu().numpy(), 0, 2)).astype(np.uint8))
            pp = scripts.PostprocessImageArgs(image)
            p.scripts.postprocess_image(p, pp)
            image = pp.image
            overlay_image = p.overlay_images[i] if p.overlay_images else None
            ppmo = scripts.PostProcessMaskOverlayArgs(i, p.mask_for_overlay, overlay_image)
            p.scripts.postprocess_maskoverlay(p, ppmo)
            image, _ = apply_overlay(image, p.paste_to, ppmo.overlay_image)
            pp = scripts.PostprocessImageArgs(image)
            p.scripts.postprocess_image_after_composite(p, pp)
            image = pp.image
            text = create_infotext(p, p.prompts, p.seeds, p.subseeds, index=i, all_negative_prompts=p.negative_prompts)
            if p.save_samples():
                images.save_image(image, p.outpath_samples, "", p.seeds[i], p.prompts[i], "png", info=text, p=p)
            infotexts.append(text)
            if shared.opts.enable_pnginfo:
                image.info["parameters"] = text
            output_images.append(image)
            if ppmo.mask_for_overlay is not None and shared.opts.return_mask:
                output_images.append(ppmo.mask_for_overlay.convert("RGB"))
    index_of_first_image = 0
    if len(output_images) > 1 and not p.do_not_save_grid:
        output_images.insert(0, images.image_grid(output_images, p.batch_size))
        infotexts.insert(0, infotexts[0])
        index_of_first_image = 1
    res = Processed(p, output_images, p.all_seeds[0], infotexts[0] if infotexts else "", infotexts)
    res.index_of_first_image = index_of_first_image
    p.scripts.postprocess(p, res)
    return res


def apply_overlay(image, paste_loc, overlay):
    if overlay is None:
        return image, image.copy()
    if paste_loc is not None:
        x, y, w, h = paste_loc
        base_image = Image.new("RGBA", (overlay.width, overlay.height))
        base_image.paste(image.resize((w, h)), (x, y))
        image = base_image
    original_denoised_image = image.copy()
    image = image.convert("RGBA")
    image.alpha_composite(overlay)
    return image.convert("RGB"), original_denoised_image


def create_infotext(p, all_prompts, all_seeds, all_subseeds, index=0, all_negative_prompts=None):
    params = {
        "Steps": p.steps or 1,
        "Sampler": "Euler",
        "Seed": all_seeds[index],
        "Size": f"{p.width}x{p.height}",
        "Model": p.sd_model.sd_checkpoint_info.name_for_extra,
        "VAE hash": p.sd_vae_hash if shared.opts.add_vae_hash_to_info else None,
        "VAE": p.sd_vae_name if shared.opts.add_vae_name_to_info else None,
        **p.extra_generation_params,
    }
    line = ", ".join(f"{key}: {value}" for key, value in params.items() if value is not None)
    return f"{all_prompts[index]}\n{line}"


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
