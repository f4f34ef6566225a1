"""What the web UI is doing."""


class State:
    job = ""
    job_count = 0
    interrupted = False
    textinfo = None
    current_latent = None
    current_image = None

    def begin(self, job="(unknown)"):
        self.interrupted, self.job = False, job

    def end(self):
        self.job, self.job_count = "", 0

    def interrupt(self):
        self.interrupted = True

    def do_set_current_image(self):
        from modules import sd_samplers_common

        if self.current_latent is not None:
            self.assign_current_image(sd_samplers_common.sample_to_image(self.current_latent))

    def assign_current_image(self, image):
        self.current_image = image
