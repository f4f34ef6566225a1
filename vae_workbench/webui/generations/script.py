"""The script that the web UI asks at each step of a picture."""

from __future__ import annotations

from typing import Any

import gradio as gr
from modules import scripts, sd_models, sd_vae
from modules.ui_components import ToolButton

from ..patching import carry_on
from . import job as jobs
from .also_decode import also_decode, chosen
from .job import Job, current, picture_made
from .keep import is_kept, keep

TITLE = "VAE Workbench"
"""By which the API knows it: ``"alwayson_scripts": {"VAE Workbench": {"args": [["a.safetensors", "b.safetensors"]]}}``."""

REFRESH = "\U0001f504"  # the web UI's sign for it


class VaeWorkbenchScript(scripts.Script):
    """Keeps the latents of pictures, and has other VAEs decode them too."""

    def title(self) -> str:
        return TITLE

    def show(self, is_img2img: bool) -> Any:  # noqa: ARG002  # the web UI's signature
        return False if hasattr(sd_models, "forge_model_reload") else scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        page = "img2img" if is_img2img else "txt2img"
        with gr.Accordion("Also decode with …", open=False, elem_id=f"{page}_vaewb_also_decode") as accordion, gr.Row():
            vaes = gr.Dropdown(
                list(sd_vae.vae_dict),
                value=[],
                multiselect=True,
                label="VAEs",
                info="Each picture is decoded by these too, without being sampled again. All are shown and saved.",
                elem_id=f"{page}_vaewb_also_decode_vaes",
            )
            refresh = ToolButton(REFRESH, elem_id=f"{page}_vaewb_also_decode_refresh", tooltip="Refresh the list")
        for block in (accordion, vaes, refresh):
            block.do_not_save_to_config = True
        refresh.click(_refreshed, outputs=[vaes], queue=False, show_progress=False)
        return [vaes]

    def post_sample(self, p: Any, ps: Any, *_: Any) -> None:
        if job := current(p):
            job.sampled = ps

    def postprocess_batch_list(self, p: Any, pp: Any, *_: Any, **__: Any) -> None:
        if job := current(p):
            job.batch = pp

    def postprocess_maskoverlay(self, p: Any, ppmo: Any, *_: Any) -> None:
        if job := current(p):
            job.overlay = ppmo

    def postprocess_image_after_composite(self, p: Any, pp: Any, *_: Any) -> None:
        with carry_on("Keeping the latent of a picture"):
            picture_made(p, pp)

    def postprocess(self, p: Any, processed: Any, *_: Any) -> None:
        if job := current(p):
            with carry_on("Keeping the latents of pictures"):
                keep(job, processed)
            with carry_on("Decoding with other VAEs"):
                also_decode(job, processed)


def patch_generations() -> None:
    """Looks at the latents of all pictures to come."""
    jobs.patch_jobs(_look)


def _look(p: Any) -> Job | None:
    if remade := getattr(p, "vaewb_job", None):
        return remade if isinstance(remade, Job) else None
    others = chosen(_asked(p))
    return Job(p, others) if others or is_kept() else None


def _asked(p: Any) -> Any:
    """What a job brings for this script; nothing where the web UI runs it without scripts."""
    listed = getattr(getattr(p, "scripts", None), "alwayson_scripts", ())
    mine = next((script for script in listed if isinstance(script, VaeWorkbenchScript)), None)
    if mine is None or mine.args_from is None or not p.script_args:
        return None
    return next(iter(p.script_args[mine.args_from : mine.args_to]), None)


def _refreshed() -> Any:
    sd_vae.refresh_vae_list()
    return gr.update(choices=list(sd_vae.vae_dict))
