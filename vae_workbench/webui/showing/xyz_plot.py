"""The VAE axis of the web UI's X/Y/Z plot.

Names are found as people write them. What can be used in no cell is refused before the plot starts; where a VAE fits some of the
checkpoints only, or fails for another reason, the cell says why.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from modules import images, processing, scripts, sd_models, shared
from PIL import Image, ImageDraw

from ...choice.assign import preferred_vae
from ...errors import InvalidInput, WorkbenchError
from ...printable import printable
from .. import options
from ..choosing import vae_list
from ..choosing.choose import candidates
from ..log import warn_of
from ..patching import Function, replace
from .generation import WARNING, UnusableOverride
from .setting_names import as_setting

SCRIPT, VAES, CHECKPOINTS = "xyz_grid.py", "VAE", "Checkpoint name"
SMALLEST_TEXT = 8  # pixels

_axes: ContextVar[dict[str, Sequence[str] | None] | None] = ContextVar("vaewb_axes", default=None)
"""Of the plot that this thread makes: the axes that concern us, and their values once the web UI has told them."""


class UnusableAxis(InvalidInput):
    """A value of the axis cannot be used in any cell. The API answers 422 with the sentence."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(printable(what), remedy)
        self.status_code = 422
        self.detail = str(self)


def patch_axis() -> None:
    """Changes the axis; the script is loaded anew at each Reload UI."""
    for script in scripts.scripts_data:
        if Path(script.path).name == SCRIPT:
            replace(script.module.Script, "run", _run)
            replace(script.module, "process_images", _process_images)
            for axis in script.module.axis_options:
                if axis.label == VAES:
                    replace(axis, "apply", lambda _: _apply)
                if axis.label in (VAES, CHECKPOINTS):
                    replace(axis, "confirm", _confirm_vaes if axis.label == VAES else _confirm_checkpoints)
            return


def meant(text: str) -> str:
    """What a person wrote, as the option ``sd_vae`` has it.

    Raises:
        UnusableAxis: there is no such VAE, or several may be meant.
    """
    name = as_setting(text)
    if name is None:
        try:
            name = vae_list.name_of(vae_list.file_called(text.strip()))
        except InvalidInput as error:
            raise UnusableAxis(error.what, error.remedy) from error
    return name


def _apply(p: Any, value: str, _values: Sequence[str]) -> None:
    p.override_settings["sd_vae"] = meant(value)


def _run(original: Function) -> Function:
    """Notes which axes a plot has, as the web UI confirms one after the other."""
    signature = inspect.signature(original)

    def run(self: Any, p: Any, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(self, p, *args, **kwargs).arguments
        chosen = [self.current_axis_options[given.get(f"{axis}_type") or 0].label for axis in "xyz"]
        before = _axes.set({label: None for label in chosen if label in (VAES, CHECKPOINTS)})
        try:
            return original(self, p, *args, **kwargs)
        finally:
            _axes.reset(before)

    return run


def _confirm_vaes(_original: Function | None) -> Function:
    def confirm(p: Any, values: Sequence[str]) -> None:
        _note(p, VAES, [meant(value) for value in values])

    return confirm


def _confirm_checkpoints(original: Function | None) -> Function:
    def confirm(p: Any, values: Sequence[str]) -> None:
        if original is not None:
            original(p, values)
        _note(p, CHECKPOINTS, values)

    return confirm


def _note(p: Any, label: str, values: Sequence[str]) -> None:
    """Once all axes are known, refuses a VAE that none of the checkpoints can have."""
    axes = _axes.get()
    if axes is None:
        return
    axes[label] = values
    vaes, checkpoints = axes.get(VAES), axes.get(CHECKPOINTS, [p.override_settings.get("sd_model_checkpoint")])
    if vaes is None or checkpoints is None:
        return
    files = list(filter(None, map(_checkpoint_file, checkpoints)))
    force = p.override_settings.get(options.FORCE) is True
    for path in filter(None, map(vae_list.find, vaes)):
        refusals = [_refusal(checkpoint, path, force) for checkpoint in files]
        if refusals and all(refusals):
            raise UnusableAxis(str(refusals[0]), "Take it off the axis")


def _checkpoint_file(name: str | None) -> str | None:
    """Of a checkpoint as people write it; without a name, of the one in the top bar, which a refiner may have pushed out."""
    wanted = name or shared.opts.sd_model_checkpoint
    info = sd_models.get_closet_checkpoint_match(wanted) if wanted else None
    return info.filename if info else None


def _refusal(checkpoint: str, path: str, force: bool) -> str:
    """Why a checkpoint cannot have a VAE file; empty if it can, or if only the swap will show."""
    found, target = candidates(checkpoint)
    listed = found.by_path(path)
    try:
        if listed:
            preferred_vae(listed.name, [target], found, force=force)
    except InvalidInput as error:
        return error.what
    return ""


def _process_images(original: Function) -> Function:
    """The picture of one cell; where it is refused, the reason is the picture."""

    def process_images(p: Any) -> Any:
        try:
            return original(p)
        except WorkbenchError as error:
            warn_of(error)
            return _explained(p, error.cell if isinstance(error, UnusableOverride) else str(error))

    return process_images


def _explained(p: Any, sentence: str) -> Any:
    if p.all_prompts is None:
        p.setup_prompts()
    p.all_seeds = p.all_seeds or [p.seed]
    p.all_subseeds = p.all_subseeds or [p.subseed]
    p.extra_generation_params[WARNING] = printable(sentence)
    info = processing.create_infotext(p, p.all_prompts, p.all_seeds, p.all_subseeds)
    return processing.Processed(p, [_picture(p.width, p.height, printable(sentence))], p.seed, info)


def _picture(width: int, height: int, sentence: str) -> Image.Image:
    """The sentence, in the largest letters in which it fits."""
    picture = Image.new("RGB", (width, height), "#333333")
    draw = ImageDraw.Draw(picture)
    for size in range(max(width // 16, SMALLEST_TEXT), SMALLEST_TEXT - 1, -1):
        font = images.get_font(size)
        text = textwrap.fill(sentence, max(width // size * 2 - 2, 1))
        right, bottom = draw.multiline_textbbox((size, size), text, font=font)[2:]
        if right <= width and bottom <= height:
            break
    draw.multiline_text((size, size), text, font=font, fill="white")
    return picture
