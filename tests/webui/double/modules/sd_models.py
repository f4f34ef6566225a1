"""The checkpoint in memory."""


class SdModelData:
    def get_sd_model(self):
        return None


model_data = SdModelData()
