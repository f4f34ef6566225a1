"""Options, command line, and the model in use."""

import re
from types import SimpleNamespace

from modules import errors, shared_state


class OptionInfo:
    def __init__(
        self, default=None, label="", component=None, component_args=None, onchange=None, section=None, infotext=None
    ):
        self.default, self.label, self.onchange, self.section = default, label, onchange, section
        self.infotext, self.component_args = infotext, component_args
        self.do_not_save = False

    def info(self, text):
        return self

    def needs_reload_ui(self):
        return self


class Options:
    def __init__(self):
        self.__dict__["data"] = {}
        self.__dict__["data_labels"] = {
            "quicksettings_list": OptionInfo(["sd_model_checkpoint"], "Quicksettings list"),
            "sd_model_checkpoint": OptionInfo(None, "Stable Diffusion checkpoint", infotext="Model hash"),
            "sd_checkpoint_hash": OptionInfo(""),
            "sd_checkpoints_limit": OptionInfo(1),
            "sd_checkpoint_cache": OptionInfo(0),
            "disable_mmap_load_safetensors": OptionInfo(False),
            "sd_checkpoints_keep_in_cpu": OptionInfo(True),
            "sd_vae": OptionInfo("Automatic", "SD VAE", infotext="VAE"),
            "sd_vae_overrides_per_model_preferences": OptionInfo(True),
            "sd_vae_checkpoint_cache": OptionInfo(0),
            "auto_vae_precision": OptionInfo(True),
            "auto_vae_precision_bfloat16": OptionInfo(False),
            "add_vae_name_to_info": OptionInfo(True),
            "add_vae_hash_to_info": OptionInfo(True),
            "sd_vae_decode_method": OptionInfo("Full"),
            "samples_save": OptionInfo(True),
            "samples_format": OptionInfo("png"),
            "enable_pnginfo": OptionInfo(True),
            "return_mask": OptionInfo(False),
            "overlay_inpaint": OptionInfo(True),
            "infotext_skip_pasting": OptionInfo([]),
            "disable_weights_auto_swap": OptionInfo(True),
        }

    def __getattr__(self, item):
        if item in self.data:
            return self.data[item]
        if item in self.data_labels:
            return self.data_labels[item].default
        raise AttributeError(item)

    def __setattr__(self, key, value):
        self.data[key] = value

    def set(self, key, value, is_api=False, run_callbacks=True):
        before = self.data.get(key)
        if before == value or self.data_labels[key].do_not_save:
            return False
        self.data[key] = value
        onchange = self.data_labels[key].onchange
        if run_callbacks and onchange is not None:
            try:
                onchange()
            except Exception as e:  # noqa: BLE001
                errors.display(e, f"changing setting {key} to {value}")
                self.data[key] = before
                return False
        return True

    def get_default(self, key):
        return self.data_labels[key].default if key in self.data_labels else None

    def onchange(self, key, func, call=True):
        self.data_labels[key].onchange = func
        if call:
            func()

    def save(self, filename):
        pass

    def add_option(self, key, info):
        self.data_labels[key] = info
        if key not in self.data and not info.do_not_save:
            self.data[key] = info.default


def natural_sort_key(s):
    return [int(part) if part.isdigit() else part.lower() for part in re.split("([0-9]+)", s)]


def __getattr__(name):
    if name == "sd_model":
        from modules import sd_models

        return sd_models.model_data.get_sd_model()
    raise AttributeError(name)


opts = Options()
config_filename = None
cmd_opts = SimpleNamespace(
    vae_dir=None,
    vae_path=None,
    ckpt_dir=None,
    no_gradio_queue=False,
    no_hashing=False,
    disable_nan_check=False,
    api=False,
    nowebui=False,
    api_auth=None,
)
state = shared_state.State()
parallel_processing_allowed = True
