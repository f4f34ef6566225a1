"""One VAE under guard: every result is finite or an error, and what a failure taught is used from then on.

The ladder for one result, each rung tested again: the network as it is, rescaled if its scales are known → bf16, if that is
allowed → fp32 from the file's own values → in tiles, when memory runs out. The first two run the network that makes pictures
in place; the others run a network of their own (:mod:`.exact`), so that nobody who uses the first meanwhile notices.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import FileProblem, InvalidInput, UnknownArchitecture
from ..exact import ExactNetwork
from ..finite import all_finite
from ..learning import learned, unconfirmed
from ..maxima import Maxima, first_not_finite, first_over
from ..memory import is_out_of_memory
from ..plan import AUTO, Plan, Plans, Precision, first_plan
from ..scales import Exponents, Rescaled
from ..structure import Half, has_replaced_forward, parts_of
from .hooks import GuardHooks, Identity, Rungs
from .job import DecodeJob, EncodeJob, Inner, Job, MomentsJob
from .report import Attempt, Report, gave_up, upstream

logger = logging.getLogger("vae_workbench")

TILES = (64, 32, 16)
"""Sizes of tiles in places of the latent, tried from the largest that is smaller than the picture."""

FARTHEST = 0.05
"""How far the rescaled network may be from fp32 on a small piece, ‖difference‖ / ‖fp32‖. fp16 itself was measured at 0.005;
this is to find networks that are not what they seem."""

NAMES = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32"}
WIDE = {Precision.BF16: torch.bfloat16, Precision.FP32: torch.float32}


class VaeGuard:
    """Guards the ``decode`` and ``encode`` of one network.

    Args:
        vae: the network that makes pictures, a KL autoencoder of any code base.
        identify: tells which VAE it is; called when first needed, and again after :meth:`renew`.
        plans: where plans are remembered.
        hooks: see there.

    Attributes:
        weights_lock: held while weights change. Who runs the network beside the guard, such as a live preview, holds it too.
    """

    def __init__(
        self, vae: nn.Module, identify: Callable[[], Identity], plans: Plans, hooks: GuardHooks | None = None
    ) -> None:
        self.weights_lock = threading.RLock()
        self._vae = vae
        self._identify = identify
        self._plans = plans
        self._hooks = hooks or GuardHooks()
        self._scaled: dict[Half, tuple[Rescaled, Exponents]] = {}
        self._identity: Identity | None = None
        self._exact: ExactNetwork | None = None
        self._unstored = Plan()

    def decode(self, inner: Inner, latents: Tensor) -> Any:
        """What ``inner`` gives for raw latents, or the same from a higher rung.

        Raises:
            NotFinite: the latents are not finite, or nothing helped.
        """
        return self._climb(DecodeJob(self._vae, inner, latents))

    def encode(self, inner: Inner, images: Tensor) -> Any:
        """What ``inner`` gives for images in −1..1: a latent, or a posterior; or the same from a higher rung.

        A higher rung draws the same random numbers as the first would have.

        Raises:
            NotFinite: the images are not finite, or nothing helped.
        """
        return self._climb(EncodeJob(self._vae, inner, images))

    def moments(self, inner: Inner, images: Tensor) -> Tensor:
        """The moments that ``inner`` gives for images in −1..1, see :meth:`...autoencoder.kl.KLAutoencoder.moments`.

        Raises:
            NotFinite: the images are not finite, or nothing helped.
        """
        moments: Tensor = self._climb(MomentsJob(self._vae, inner, images))
        return moments

    @property
    def identity(self) -> Identity:
        """Which VAE it is."""
        if self._identity is None:
            self._identity = self._identify()
            self._unstored = first_plan(self._identity.known_as)
        return self._identity

    @property
    def plan(self) -> Plan:
        """What is known of this VAE, as it is remembered now."""
        identity = self.identity
        if identity.sketch_id is None:
            return self._unstored
        try:
            return self._plans.of(identity.sketch_id, identity.known_as)
        except FileProblem as error:
            logger.warning("%s What was learned is not used.", error)
            return self._unstored

    def renew(self, identity: Identity | None = None) -> None:
        """Brings back the original weights and forgets which VAE it is: for before weights are replaced, and after.

        Args:
            identity: which VAE it is now; by default it is asked for when it is needed.
        """
        for half in list(self._scaled):
            self._put(half, {})
        self._identity, self._exact = identity, None
        if identity is not None:
            self._unstored = first_plan(identity.known_as)

    def starts_in(self, half: Half) -> str:
        """What the next result is tried in first, such as ``fp16 rescaled``: a plan may be pinned to what cannot be done."""
        rungs, plan = self._hooks.rungs(), self.plan
        wide = self._wide(plan.start(half), rungs)
        in_place = self._in_place(half, plan, rungs) or ([] if wide else [{}])
        return self._name_in_place(in_place[0]) if in_place else wide[0].value

    def _climb(self, job: Job) -> Any:
        attempts: list[Attempt] = []
        for rung in self._ladder(job, attempts):
            result = rung()
            if result is not None:
                return result
            if len(attempts) == 1 and not all_finite(job.x):
                raise upstream(job.half)
            self._hooks.free_memory()
        raise gave_up(job.half, self.identity.name, attempts, self._exact_network.damaged_tensors())

    def _ladder(self, job: Job, attempts: list[Attempt]) -> Iterator[Callable[[], Any]]:
        """The rungs, each a function that gives the result, or notes in ``attempts`` why there is none."""
        rungs, plan = self._hooks.rungs(), self.plan
        if has_replaced_forward(self._vae, job.half):
            self._put(job.half, {})
        wide = self._wide(plan.start(job.half), rungs)
        for exponents in self._in_place(job.half, plan, rungs) or ([] if wide else [{}]):
            if not _out_of_memory(attempts):
                yield partial(self._as_it_is, job, exponents, attempts)
        for precision in wide:
            if not _out_of_memory(attempts):
                yield partial(self._widely, job, precision, 0, attempts)
        for tile in TILES:
            if rungs.tiled and _out_of_memory(attempts) and tile < job.places:
                yield partial(self._widely, job, Precision.FP32, tile, attempts)

    def _in_place(self, half: Half, plan: Plan, rungs: Rungs) -> list[Exponents]:
        """What the network that makes pictures is to be scaled by, one try after the other."""
        start, scales = plan.start(half), plan.half(half).exponents
        if self._dtype == torch.float32 or (self._dtype == torch.bfloat16 and start is not Precision.FP32):
            return [{}]
        usable = rungs.rescaled and bool(scales) and not has_replaced_forward(self._vae, half)
        if start is Precision.FP16:
            return [{}, scales] if usable else [{}]
        return [scales] if start is Precision.RESCALED and usable else []

    def _wide(self, start: Precision, rungs: Rungs) -> list[Precision]:
        wanted = {
            Precision.BF16: (rungs.bf16 and start is not Precision.FP32) or start is Precision.BF16,
            Precision.FP32: rungs.fp32 or start is Precision.FP32,
        }
        return [precision for precision, wants in wanted.items() if wants]

    def _as_it_is(self, job: Job, exponents: Exponents, attempts: list[Attempt]) -> Any:
        """The network that makes pictures, in its own number format."""
        half = self._dtype == torch.float16
        name = self._name_in_place(exponents)
        self._put(job.half, exponents)
        try:
            with nullcontext() if half else self._hooks.without_autocast():
                result, tested = job.run(job.x if half else job.x.to(self._dtype))
        except self._hooks.retry_on:
            attempts.append(Attempt(name, "overflow"))
            return None
        except (RuntimeError, MemoryError) as error:
            attempts.append(_memory_ran_out(name, error))
            return None
        if not all_finite(tested):
            attempts.append(Attempt(name, "overflow"))
            return None
        if attempts or exponents:
            self._tell(Report(job.half, self.identity.name, name, tuple(attempts)))
        return result

    def _name_in_place(self, exponents: Exponents) -> str:
        return f"{NAMES.get(self._dtype, self._dtype)}{' rescaled' if exponents else ''}"

    def _widely(self, job: Job, precision: Precision, tile: int, attempts: list[Attempt]) -> Any:
        """A network of its own in a wider number format."""
        name = f"{precision.value}{f' in tiles of {tile}' if tile else ''}"
        try:
            with self._hooks.without_autocast():
                computed, maxima = self._exact_network.run(job.half, job.x, WIDE[precision], tile)
        except (UnknownArchitecture, InvalidInput) as error:
            attempts.append(Attempt(name, "unable", error.what))
            return None
        except (RuntimeError, MemoryError) as error:
            attempts.append(_memory_ran_out(name, error))
            return None
        if not all_finite(computed):
            attempts.append(Attempt(name, "overflow", f"first at {first_not_finite(maxima)}"))
            return None
        now = self._learn(job, precision, maxima, attempts)
        stage, maximum = first_over(maxima) or ("", 0.0)
        self._tell(Report(job.half, self.identity.name, name, tuple(attempts), stage, maximum, now))
        return job.finish(computed)

    def _learn(self, job: Job, wide: Precision, maxima: Maxima, attempts: list[Attempt]) -> str | None:
        """Takes what the run taught into the plan; what the VAE will run in from now on, if that changed."""
        before = self.plan
        plan = before.half(job.half)
        failed = any(attempt.fault == "overflow" for attempt in attempts)
        unmeasured = before.start(job.half) is Precision.RESCALED and not plan.exponents
        if self._dtype != torch.float16 or before.pinned not in (AUTO, Precision.RESCALED.value):
            return None
        if not failed and not unmeasured:
            return None
        now = learned(plan, parts_of(self._vae, job.half), maxima, wide, self._hooks.rungs().rescaled)
        if now.precision is Precision.RESCALED and not has_replaced_forward(self._vae, job.half):
            now = now if self._is_same_rescaled(job, now.exponents, wide) else unconfirmed(now, wide)
        if now.precision is Precision.RESCALED:
            self._exact_network.release()
        self._remember(before.learned(job.half, now))
        return now.precision.value

    def _is_same_rescaled(self, job: Job, exponents: Exponents, wide: Precision) -> bool:
        """Whether the rescaled network gives what the wider format gives, on a small piece."""
        self._put(job.half, exponents)
        expected, _ = self._exact_network.run(job.half, job.piece, WIDE[wide])
        try:
            _, got = job.run(job.piece)
        except self._hooks.retry_on:
            return False
        return bool((got.float() - expected.float()).norm() <= FARTHEST * expected.float().norm())

    def _tell(self, report: Report) -> None:
        if report.repaired:
            plan = self.plan
            self._remember(replace(plan, repairs=plan.repairs + 1))
        self._hooks.report(report)

    def _remember(self, plan: Plan) -> None:
        self._unstored = plan
        sketch_id = self.identity.sketch_id
        if sketch_id is None:
            return
        try:
            self._plans.keep(sketch_id, plan)
        except FileProblem as error:
            logger.warning("%s What was learned will be forgotten.", error)

    def _put(self, half: Half, exponents: Exponents) -> None:
        """Scales one half by this much and no more; ``{}`` brings back the original weights."""
        rescaled, applied = self._scaled.get(half, (None, {}))
        if applied == exponents and (rescaled is None or rescaled.in_force):
            return
        with self.weights_lock:
            if rescaled is not None:
                rescaled.undo()
                del self._scaled[half]
            if exponents:
                self._scaled[half] = Rescaled(self._vae, parts_of(self._vae, half), exponents), exponents

    @property
    def _dtype(self) -> torch.dtype:
        return next(self._vae.parameters()).dtype

    @property
    def _exact_network(self) -> ExactNetwork:
        if self._exact is None:
            self._exact = ExactNetwork(self._vae, self.identity.path)
        return self._exact


def _out_of_memory(attempts: Sequence[Attempt]) -> bool:
    return any(attempt.fault == "memory" for attempt in attempts)


def _memory_ran_out(name: str, error: Exception) -> Attempt:
    """The attempt that ended so; any other error is passed on."""
    if not is_out_of_memory(error):
        raise error
    return Attempt(name, "memory")
