"""The guard of :mod:`..precision` around the VAEs that make pictures in the web UI.

``decode`` and ``encode`` of a model's first stage become bound methods of ours, set on the object. A deep copy of the model gets
such methods too, but no guard, and runs as if they were not there. Whatever lies below (the network's own method, or the
closure that ``--medvram`` sets) stays as it is and is called by them.
"""

from __future__ import annotations

import contextlib
import threading
import types
import weakref
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import torch
from modules import devices, processing, sd_models, sd_samplers_common, shared
from torch import Tensor, nn

from ...errors import UnknownArchitecture, WorkbenchError
from ...precision.guard.hooks import GuardHooks, Identity
from ...precision.guard.report import Report
from ...precision.guard.vae_guard import VaeGuard
from ...precision.plan import Plans
from ...precision.structure import HALVES, parts_of
from .. import callbacks
from ..library import data_folder
from ..log import logger
from ..patching import Function, carry_on, described, replace
from . import options as guard_options
from .vae_identity import identity_of

GUARD_ATTRIBUTE = "_vaewb_guarded"
PRECISION = {"decoder": "VAE precision", "encoder": "VAE encoder precision"}
"""Keys of the infotext, set where a VAE did not run as it is."""


class GuardState:
    """What is kept on a guarded first stage.

    Attributes:
        vae_guard: its guard, or ``None`` once it was taken off.
        below: for ``decode`` and ``encode``, what others had set on the object before ours, the latest last. The latest may
            itself call ours, which then has to go on with the one before.
    """

    def __init__(self) -> None:
        self.vae_guard: VaeGuard | None = None
        self.below: dict[str, list[Function]] = {name: [] for name in METHODS}

    def __deepcopy__(self, memo: object) -> None:
        return None


class _Thread(threading.local):
    previewing = False
    depth = 0
    job: Any = None


_thread = _Thread()
_guarded: weakref.WeakSet[nn.Module] = weakref.WeakSet()


@lru_cache(maxsize=1)
def plans() -> Plans:
    """What is remembered of each VAE."""
    return Plans(data_folder() / "plans.json")


def register() -> None:
    """Guards the models in memory and those to come; undone by :func:`unregister`."""
    callbacks.on("ui_settings", guard_options.add_options)
    callbacks.on("model_loaded", model_loaded)
    replace(processing, "process_images_inner", _note_job)
    replace(sd_samplers_common, "store_latent", _as_preview)
    replace(type(shared.state), "do_set_current_image", _as_preview)
    for model in getattr(sd_models.model_data, "loaded_sd_models", ()):
        install(model)


def unregister() -> None:
    """Takes the guard off all models and brings back their original weights."""
    for vae in list(_guarded):
        _take_off(vae)


def model_loaded(model: Any) -> None:
    """After a checkpoint or a VAE was loaded, or could not be."""
    if install(model):
        before_swap(model)


def install(model: Any) -> bool:
    """Guards the first stage of a model, if it is a KL autoencoder; does nothing where that is done already."""
    vae = getattr(model, "first_stage_model", None)
    if not isinstance(vae, nn.Module) or not _is_kl(vae):
        return False
    kept = getattr(vae, GUARD_ATTRIBUTE, None) or GuardState()
    if kept.vae_guard is None:
        kept.vae_guard = VaeGuard(vae, partial(identity_of, weakref.ref(model)), plans(), _guard_hooks())
    setattr(vae, GUARD_ATTRIBUTE, kept)
    for name, ours in METHODS.items():
        current = vars(vae).get(name)
        if not _is_ours(current):
            kept.below[name] += [current] if current is not None else []
            setattr(vae, name, types.MethodType(ours, vae))
    _guarded.add(vae)
    return True


def before_swap(model: Any) -> None:
    """Brings back the original weights of a model's VAE, before they are replaced; it will be asked anew which VAE it is."""
    vae_guard = guard_of(model)
    if vae_guard:
        vae_guard.renew()


def after_swap(model: Any, sketch_id: str | None, path: str, known_as: str | None = None) -> None:
    """Tells the guard which VAE a model has now."""
    vae_guard = guard_of(model)
    if vae_guard:
        vae_guard.renew(Identity(path, path, sketch_id, known_as))


def guard_of(model: Any) -> VaeGuard | None:
    """The guard of a model's VAE: its plan, and which VAE it is."""
    kept = getattr(getattr(model, "first_stage_model", None), GUARD_ATTRIBUTE, None)
    return kept.vae_guard if kept else None


def _take_off(vae: nn.Module) -> None:
    kept: GuardState = getattr(vae, GUARD_ATTRIBUTE)
    if kept.vae_guard:
        kept.vae_guard.renew()
    kept.vae_guard = None
    for name in METHODS:
        if _is_ours(vars(vae).get(name)):
            delattr(vae, name)
            if kept.below[name]:
                setattr(vae, name, kept.below[name].pop())
    _guarded.discard(vae)


def _decode(vae: nn.Module, z: Tensor, *args: Any, **kwargs: Any) -> Any:
    return _through(vae, "decode", z, args, kwargs)


def _encode(vae: nn.Module, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    return _through(vae, "encode", x, args, kwargs)


METHODS: dict[str, Function] = {"decode": _decode, "encode": _encode}


def _through(vae: nn.Module, name: str, x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The VAE's own method under guard; for previews, and for calls from within a guarded one, the method alone."""
    kept: GuardState | None = getattr(vae, GUARD_ATTRIBUTE, None)
    depth, below = _thread.depth, kept.below[name] if kept else []
    method = below[-1 - depth] if depth < len(below) else _own_method(vae, name)
    vae_guard = kept.vae_guard if kept and depth == 0 else None
    _thread.depth += 1
    try:
        if vae_guard is None:
            return method(x, *args, **kwargs)
        if _thread.previewing:
            with vae_guard.weights_lock:
                return method(x, *args, **kwargs)
        if not guard_options.enabled():
            vae_guard.renew()
            return method(x, *args, **kwargs)
        return _guarded_call(vae_guard, name, lambda given: method(given, *args, **kwargs), x)
    finally:
        _thread.depth = depth


def _guarded_call(vae_guard: VaeGuard, name: str, method: Function, x: Tensor) -> Any:
    """The method under guard; where the guard itself fails for a reason that nobody foresaw, the method alone."""
    raised: list[BaseException] = []

    def inner(given: Tensor) -> Any:
        try:
            return method(given)
        except BaseException as error:
            raised.append(error)
            raise

    try:
        return getattr(vae_guard, name)(inner, x)
    except WorkbenchError:
        raise
    except Exception as error:
        if error in raised:  # the VAE's own error, which is the web UI's to handle
            raise
        logger.warning("The VAE guard failed (%s). The VAE runs as it is.", described(error))
        logger.debug("", exc_info=error)
    vae_guard.renew()
    return method(x)


def _own_method(vae: nn.Module, name: str) -> Function:
    """The method of the network's class; that of SD3 without the autocast to fp16 around it, where the VAE is not in fp16."""
    method = getattr(type(vae), name)
    if next(vae.parameters()).dtype != torch.float16:
        method = getattr(method, "__wrapped__", method)
    return types.MethodType(method, vae)


def _is_ours(method: object) -> bool:
    return isinstance(method, types.MethodType) and method.__func__ in METHODS.values()


def _is_kl(vae: nn.Module) -> bool:
    try:
        return all(parts_of(vae, half) for half in HALVES)
    except UnknownArchitecture:
        return False


def _guard_hooks() -> GuardHooks:
    retry_on = (devices.NansException,) if hasattr(devices, "NansException") else ()
    return GuardHooks(guard_options.rungs, without_autocast, devices.torch_gc, retry_on, _report_repair)


@contextlib.contextmanager
def without_autocast() -> Iterator[None]:
    """No autocast, and none of the casts by which the web UI replaces it on some devices."""
    casting = [
        (kind, kind.forward) for kind in getattr(devices, "patch_module_list", ()) if hasattr(kind, "org_forward")
    ]
    for kind, _ in casting:
        kind.forward = kind.org_forward
    cuda = torch.autocast("cuda", enabled=False) if torch.is_autocast_enabled() else contextlib.nullcontext()
    try:
        with cuda, torch.autocast("cpu", enabled=False):
            yield
    finally:
        for kind, forward in casting:
            kind.forward = forward


def _report_repair(report: Report) -> None:
    """A result that the VAE did not give as it is: to the log, below the picture, and into the infotext."""
    job = _thread.job
    if job is not None:
        before = job.extra_generation_params.get(PRECISION[report.half])
        told = dict.fromkeys([*(before.split(" + ") if before else []), report.precision])
        job.extra_generation_params[PRECISION[report.half]] = " + ".join(told)
    if report.repaired:
        logger.warning("%s", report.sentence)
        if job is not None and not guard_options.quiet():
            job.comment(report.sentence)


def _note_job(original: Function) -> Function:
    """Tells the guard which job it works for."""

    def process_images_inner(p: Any) -> Any:
        before, _thread.job = _thread.job, p
        for key in PRECISION.values():  # a grid's cells share them
            p.extra_generation_params.pop(key, None)
        try:
            with carry_on("Guarding the VAE"):
                if shared.sd_model is not None:
                    install(shared.sd_model)
            return original(p)
        finally:
            _thread.job = before

    return process_images_inner


def _as_preview(original: Function) -> Function:
    """What is decoded within is a live preview: passed through, whatever comes of it."""

    def preview(*args: Any, **kwargs: Any) -> Any:
        before, _thread.previewing = _thread.previewing, True
        try:
            return original(*args, **kwargs)
        finally:
            _thread.previewing = before

    return preview
