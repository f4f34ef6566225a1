"""The editor of what the user notes about a checkpoint."""

from modules import sd_vae, shared


class CheckpointUserMetadataEditor:
    def update_vae(self, name):
        if name == shared.sd_model.sd_checkpoint_info.name_for_extra:
            sd_vae.reload_vae_weights()
