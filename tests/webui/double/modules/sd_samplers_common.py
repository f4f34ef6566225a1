"""From latents to pictures and back."""

import numpy as np
import torch
from PIL import Image

from modules import devices, shared


def samples_to_images_tensor(sample, approximation=None, model=None):
    model = model or shared.sd_model
    with torch.no_grad():
        return model.decode_first_stage(sample.to(model.first_stage_model.dtype))


def decode_first_stage(model, x):
    return samples_to_images_tensor(x.to(devices.dtype_vae), 0, model)


def sample_to_image(samples, index=0, approximation=None):
    x_sample = samples_to_images_tensor(samples[index].unsqueeze(0), approximation)[0] * 0.5 + 0.5
    x_sample = 255.0 * np.moveaxis(torch.clamp(x_sample, min=0.0, max=1.0).cpu().numpy(), 0, 2)
    return Image.fromarray(x_sample.astype(np.uint8))


def images_tensor_to_samples(image, approximation=None, model=None):
    model = model or shared.sd_model
    model.first_stage_model.to(devices.dtype_vae)
    image = image.to(devices.device, dtype=devices.dtype_vae) * 2 - 1
    return model.get_first_stage_encoding(model.encode_first_stage(image))


def store_latent(decoded):
    shared.state.current_latent = decoded
    if not shared.parallel_processing_allowed:
        shared.state.assign_current_image(sample_to_image(decoded))
