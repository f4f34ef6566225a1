"""Changes that the web UI makes to a model while it is in use."""


class StableDiffusionModelHijack:
    def __init__(self):
        self.comments = []

    def hijack(self, m):
        assert not m.hijacked, "hijacked twice"
        m.hijacked = True

    def undo_hijack(self, m):
        m.hijacked = False

    def clear_comments(self):
        self.comments = []


model_hijack = StableDiffusionModelHijack()
