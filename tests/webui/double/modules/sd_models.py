"""The checkpoint in memory."""

import os

from modules import paths

model_path = os.path.join(paths.models_path, "Stable-diffusion")


class SdModelData:
    def get_sd_model(self):
        return None


model_data = SdModelData()
