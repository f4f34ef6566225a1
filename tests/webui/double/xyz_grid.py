"""The axis of the X/Y/Z plot that goes over VAEs."""

from modules import sd_vae


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


def apply_vae(p, x, xs):
    p.override_settings["sd_vae"] = find_vae(x)


axis_options = [AxisOption("Nothing", None), AxisOption("VAE", apply_vae)]
