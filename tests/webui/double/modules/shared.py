"""Options and command line."""

import re
from types import SimpleNamespace


class OptionInfo:
    def __init__(self, default=None, label="", component=None, component_args=None, onchange=None, section=None):
        self.default, self.label, self.onchange, self.section = default, label, onchange, section

    def info(self, text):
        return self

    def needs_reload_ui(self):
        return self


class Options:
    def __init__(self):
        self.data = {}
        self.data_labels = {"quicksettings_list": OptionInfo(["sd_model_checkpoint"], "Quicksettings list")}

    def __getattr__(self, item):
        if item in self.data:
            return self.data[item]
        return self.data_labels[item].default

    def add_option(self, key, info):
        self.data_labels[key] = info
        if key not in self.data:
            self.data[key] = info.default


def natural_sort_key(s):
    return [int(part) if part.isdigit() else part.lower() for part in re.split("([0-9]+)", s)]


opts = Options()
cmd_opts = SimpleNamespace(vae_dir=None, ckpt_dir=None, no_gradio_queue=False, api=False, nowebui=False, api_auth=None)
state = SimpleNamespace(job="", job_count=0)
