"""What the web UI runs at its start and at every Reload UI. Everything is in the package beside it."""

from vae_workbench.webui.generations.script import VaeWorkbenchScript  # noqa: F401  # the web UI looks for it here
from vae_workbench.webui.register import register

register()
