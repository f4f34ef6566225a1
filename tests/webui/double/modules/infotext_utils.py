"""Infotexts, and what pasting one gives the fields of txt2img."""

import re
from dataclasses import dataclass

from modules import shared


@dataclass
class PasteField:
    api: str = None
    label: str = None
    function: object = None


LABELS = {"prompt": "Prompt", "negative_prompt": "Negative prompt", "seed": "Seed", "steps": "Steps"}
FIELDS = [PasteField(api, label) for api, label in LABELS.items()]
FIELDS += [
    PasteField("sampler_name", function=lambda told: told.get("Sampler")),
    PasteField("width", "Size-1"),
    PasteField("height", "Size-2"),
    PasteField("hr_checkpoint_name", function=lambda told: told.get("Hires checkpoint", "Use same checkpoint")),
    PasteField("enable_hr", function=lambda told: "Denoising strength" in told and "Hires upscale" in told),
    PasteField(label="Styles"),
]
paste_fields = {"txt2img": {"fields": FIELDS}}


def parse_generation_parameters(x, skip_fields=None):
    *lines, last = x.strip().split("\n")
    prompt, _, negative = "\n".join(lines).partition("\nNegative prompt: ")
    told = {"Prompt": prompt, "Negative prompt": negative}
    for key, value in re.findall(r"\s*(\w[\w \-/]+):\s*([^,]*)(?:,|$)", last):
        size = re.match(r"(\d+)x(\d+)$", value)
        told.update({f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value})
    return {key: value for key, value in told.items() if key not in (skip_fields or ())}


def get_override_settings(params, *, skip_fields=None):
    mapping = [(info.infotext, key) for key, info in shared.opts.data_labels.items() if info.infotext]
    return [(name, key, params[name]) for name, key in mapping if name in params and name not in (skip_fields or ())]
