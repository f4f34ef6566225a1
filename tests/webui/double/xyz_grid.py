"""The X/Y/Z plot, with its axes of VAEs and of checkpoints."""

from copy import copy

from modules import errors, processing, sd_models, sd_vae
from modules.processing import Processed, process_images


class AxisOption:
    def __init__(self, label, apply, confirm=None):
        self.label, self.apply, self.confirm = label, apply, confirm


def find_vae(name):
    name = name.strip().lower()
    if name in ("auto", "automatic"):
        return "Automatic"
    if name == "none":
        return "None"
    print(f"No VAE found for {name}; using Automatic")  # noqa: T201
    return next((listed for listed in sd_vae.vae_dict if listed.lower() == name), "Automatic")


def do_nothing(p, x, xs):
    pass


def apply_vae(p, x, xs):
    p.override_settings["sd_vae"] = find_vae(x)


def apply_checkpoint(p, x, xs):
    p.override_settings["sd_model_checkpoint"] = sd_models.get_closet_checkpoint_match(x).name


def confirm_checkpoints(p, xs):
    for x in xs:
        if sd_models.get_closet_checkpoint_match(x) is None:
            raise RuntimeError(f"Unknown checkpoint: {x}")


axis_options = [
    AxisOption("Nothing", do_nothing),
    AxisOption("VAE", apply_vae),
    AxisOption("Checkpoint name", apply_checkpoint, confirm_checkpoints),
]


class Script:
    def __init__(self):
        self.current_axis_options = axis_options

    def run(self, p, x_type, x_values, x_values_dropdown, y_type, y_values, y_values_dropdown, z_type, z_values, z_values_dropdown, *_):  # fmt: skip  # noqa: E501
        axes = [axis_options[kind or 0] for kind in (x_type, y_type, z_type)]
        values = [chosen or [0] for chosen in (x_values_dropdown, y_values_dropdown, z_values_dropdown)]
        for axis, chosen in zip(axes, values, strict=True):
            if axis.confirm:
                axis.confirm(p, chosen)
        cells = [[x, y, z] for z in values[2] for y in values[1] for x in values[0]]
        pictures = []
        for cell in cells:
            pc = copy(p)
            for axis, chosen, value in zip(axes, values, cell, strict=True):
                axis.apply(pc, value, chosen)
            try:
                pictures.append(process_images(pc))
            except Exception as e:  # noqa: BLE001
                errors.display(e, "generating image for xyz plot")
                pictures.append(Processed(p, [], p.seed, ""))
            processing.create_infotext(pc, pc.all_prompts, pc.all_seeds, pc.all_subseeds)
        result = copy(pictures[0])
        result.images = [picture.images[0] if picture.images else None for picture in pictures]
        result.infotexts = [picture.infotexts[0] if picture.infotexts else "" for picture in pictures]
        return result
