"""Models that are moved part by part."""


def send_everything_to_cpu():
    pass
