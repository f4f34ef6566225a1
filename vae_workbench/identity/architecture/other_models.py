"""Models that are no VAE and no checkpoint, but lie where VAEs are looked for: told by names that no other model has."""

from __future__ import annotations

import re
from collections.abc import Iterable

OTHER_MODELS: tuple[tuple[str, str], ...] = (
    (
        "a LoRA or another small change to a model's weights",
        r"\.lora_(?:up|down|A|B)\.|\.lora\.(?:up|down)\.|_lora\.(?:up|down)\.|^lora_(?:unet|te)|\.hada_w[12]_|\.lokr_w[12]|\.oft_blocks",
    ),
    ("a ControlNet", r"^control_model\.|^lllite_unet|controlnet_cond_embedding\.|^input_hint_block\."),
    ("an IP-Adapter", r"^ip_adapter\."),
    ("a T2I-Adapter", r"^(?:adapter\.)?body\.\d+\.block1\."),
    ("a motion module (AnimateDiff)", r"motion_modules\."),
    ("a face restorer (CodeFormer)", r"^(?:params_ema\.)?ft_layers\.\d+\."),
    ("a face restorer (GFPGAN)", r"^(?:params_ema\.)?stylegan_decoder\."),
    ("an upscaler", r"\.RDB1\.|\.rdb1\.|\.residual_group\."),
    ("an embedding (textual inversion)", r"^(?:emb_params|clip_[lg])$|^string_to_param\."),
    ("a hypernetwork", r"^(?:320|640|768|1024|1280)\.\d\.linear"),
    (
        "a text encoder or an image encoder (CLIP)",
        r"(?:text|vision)_model\.encoder\.layers\.|\btransformer\.resblocks\.",
    ),
    ("a text encoder (T5)", r"^(?:\w+\.)*encoder\.block\.\d+\.layer\.\d+\.SelfAttention\."),
    ("a language model or text encoder", r"^(?:\w+\.)*layers\.\d+\.self_attn\."),
    (
        "a diffusion model without its VAE, with the names of diffusers",
        r"^time_embedding\.linear_1\.|^(?:single_)?transformer_blocks\.\d+\.",
    ),
)
"""What the file is, and a pattern that is found in its names, one a line. The first that fits counts."""


def other_model(names: Iterable[str]) -> str | None:
    """What a file with these names is, to be read after "it is"; ``None`` if that is not certain."""
    text = "\n".join(names)
    return next((what for what, pattern in OTHER_MODELS if re.search(pattern, text, re.MULTILINE)), None)
