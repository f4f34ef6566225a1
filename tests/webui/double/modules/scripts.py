"""The scripts that were loaded, and what asks them at each step of a picture."""

from collections import namedtuple

from modules import errors

ScriptClassData = namedtuple("ScriptClassData", ["script_class", "path", "basedir", "module"])
scripts_data = []
AlwaysVisible = object()


class Script:
    args_from = args_to = None
    alwayson = False


class PostSampleArgs:
    def __init__(self, samples):
        self.samples = samples


class PostprocessBatchListArgs:
    def __init__(self, images):
        self.images = images


class PostprocessImageArgs:
    def __init__(self, image):
        self.image = image


class PostProcessMaskOverlayArgs:
    def __init__(self, index, mask_for_overlay, overlay_image):
        self.index, self.mask_for_overlay, self.overlay_image = index, mask_for_overlay, overlay_image


class ScriptRunner:
    def __init__(self):
        self.alwayson_scripts = []

    def __getattr__(self, method):
        def ask(p, *given, **more):
            for script in self.alwayson_scripts:
                try:
                    args = p.script_args[script.args_from : script.args_to]
                    if hasattr(script, method):
                        getattr(script, method)(p, *given, *args, **more)
                except Exception:  # noqa: BLE001
                    errors.report(f"Error running {method}: {script}", exc_info=True)

        return ask
