"""Whatever a VAE does, what comes out is right or an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.host_vaes import LdmVae, Posterior, SD3Vae, SgmVae, enlarged, overflowing, shallow_kl, values_of
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.tiled import decode_tiled
from vae_workbench.errors import NotFinite
from vae_workbench.precision.exact import ExactNetwork
from vae_workbench.precision.plan import Plans, Precision
from vae_workbench.precision.report import Report
from vae_workbench.precision.structure import HALVES, Half, parts_of
from vae_workbench.precision.surroundings import Identity, Rungs, Surroundings
from vae_workbench.precision.watch import Watch

LATENTS = 8 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB"


class NansFound(Exception):
    """What an extension that decodes in tiles raises."""


class Bench:
    """A VAE in fp16 under guard, and what it should give."""

    def __init__(
        self, folder: Path, tensors: dict[str, Tensor], vae: torch.nn.Module | None = None, **rungs: bool
    ) -> None:
        self.tensors = tensors
        self.vae: Any = vae or LdmVae(tensors)
        self.path = folder / "vae.safetensors"
        save_file(tensors, self.path)
        self.plans = Plans(folder / "plans.json")
        self.reports: list[Report] = []
        self.around = Surroundings(lambda: Rungs(**rungs), retry_on=(NansFound,), report=self.reports.append)
        self.identity = Identity("bad.vae", str(self.path), "sketch")
        self.watch = Watch(self.vae, lambda: self.identity, self.plans, self.around)

    def run(self, half: Half, x: Tensor | None = None) -> Tensor:
        """The picture, or mean and log-variance of the posterior."""
        if half == "decoder":
            return self.watch.decode(self.vae.decode, (LATENTS if x is None else x).half())
        return self.watch.encode(self.vae.encode, (IMAGES if x is None else x).half()).parameters

    def error(self, half: Half, result: Tensor, x: Tensor | None = None) -> float:
        """‖result − fp32‖ / ‖fp32‖."""
        network = load_autoencoder(self.tensors)
        with torch.no_grad():
            exact = (
                network.decode(LATENTS if x is None else x)
                if half == "decoder"
                else network.moments(IMAGES if x is None else x)
            )
        return float((result.float() - exact).norm() / exact.norm())

    @property
    def precisions(self) -> list[str]:
        return [report.precision for report in self.reports]


@pytest.mark.parametrize("half", HALVES)
def test_a_healthy_vae_is_left_alone(tmp_path: Path, half: Half) -> None:
    bench = Bench(tmp_path, shallow_kl())
    result = bench.run(half)
    with torch.no_grad():
        plain = bench.vae.decode(LATENTS.half()) if half == "decoder" else bench.vae.encode(IMAGES.half()).parameters
    assert torch.equal(result, plain) and bench.reports == [] and not (tmp_path / "plans.json").exists()


@pytest.mark.parametrize("half", HALVES)
def test_the_first_failure_costs_fp32_once_and_then_it_runs_rescaled(tmp_path: Path, half: Half) -> None:
    bench = Bench(tmp_path, overflowing(half))
    errors = [bench.error(half, bench.run(half)) for _ in range(3)]
    assert bench.precisions == ["fp32", "fp16 rescaled", "fp16 rescaled"]
    assert errors[0] < 1e-3 and errors[1] == errors[2] < 0.008
    first = bench.reports[0]
    assert (
        first.repaired
        and first.from_now_on == "fp16 rescaled"
        and first.stage == f"{half}.conv_in"
        and first.maximum > 65504
    )
    assert bench.vae.dtype == torch.float16
    plan = bench.plans.of("sketch")
    assert plan.repairs == 1 and plan.half(half).precision is Precision.RESCALED and plan.half(half).evidence


@pytest.mark.parametrize("value", [*values_of("decoder"), *values_of("encoder")])
def test_overflow_at_each_stage_in_turn(tmp_path: Path, value: str) -> None:
    half: Half = "encoder" if value in values_of("encoder") else "decoder"
    bench = Bench(tmp_path, enlarged(shallow_kl(), value, 16 if value == "post_quant" else 17))
    errors = [bench.error(half, bench.run(half)) for _ in range(2)]
    assert bench.reports[0].precision == "fp32" and errors[0] < 2e-3
    assert errors[1] < 0.05


def test_what_was_learned_survives_a_restart(tmp_path: Path) -> None:
    Bench(tmp_path, overflowing()).run("decoder")
    again = Bench(tmp_path, overflowing())
    again.run("decoder")
    assert again.precisions == ["fp16 rescaled"] and not again.reports[0].repaired


def test_a_vae_known_to_overflow_is_not_tried_in_fp16(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    bench.identity = Identity("nai", str(bench.path), "sketch", "sdxl_vae")
    bench.run("decoder")
    bench.run("decoder")
    assert bench.precisions == ["fp32", "fp16 rescaled"] and not bench.reports[0].repaired


@pytest.mark.parametrize("scale", [3e4, 1e5])
def test_where_scaling_cannot_help_it_stays_in_fp32(tmp_path: Path, scale: float) -> None:
    """A norm's weight makes some pixels overflow behind the norm, where a product with a sigmoid follows."""
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.norm_out.weight"][0] = scale
    tensors["decoder.norm_out.bias"][0] = 0
    tensors["decoder.conv_out.weight"][:, 0] = 0
    bench = Bench(tmp_path, tensors)
    errors = [bench.error("decoder", bench.run("decoder")) for _ in range(2)]
    assert bench.precisions == ["fp32", "fp32"] and max(errors) < 1e-3
    assert bench.plans.of("sketch").decoder.precision is Precision.FP32
    assert not bench.reports[1].repaired


def test_a_later_latent_widens_once_and_then_fp32_stays(tmp_path: Path) -> None:
    """A latent so much larger that the layers before the first norm overflow again."""
    bench = Bench(tmp_path, enlarged(shallow_kl(), "decoder.conv_in", 18))
    small, large = 0.04 * LATENTS, 40 * LATENTS
    assert bench.error("decoder", bench.run("decoder", small), small) < 0.01
    first = bench.plans.of("sketch")
    for _ in range(2):
        assert bench.error("decoder", bench.run("decoder", large), large) < 0.01
    assert bench.precisions == ["fp32", "fp32", "fp16 rescaled"]
    plan = bench.plans.of("sketch").decoder
    assert plan.widened and plan.exponents["decoder.conv_in"] > first.decoder.exponents["decoder.conv_in"]
    bench.plans.keep("sketch", first.learned("decoder", replace(first.decoder, widened=True)))
    for _ in range(2):
        assert bench.error("decoder", bench.run("decoder", large), large) < 0.01
    assert bench.precisions[3:] == ["fp32", "fp32"] and bench.plans.of("sketch").decoder.precision is Precision.FP32


def test_bf16_comes_before_fp32_where_it_is_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing(), bf16=True)
    result = bench.run("decoder")
    assert bench.precisions == ["bf16"] and result.dtype == torch.float16
    assert bench.reports[0].from_now_on == "fp16 rescaled"


@pytest.mark.parametrize(
    ("pinned", "expected"),
    [
        ("fp16", ["fp32", "fp32"]),
        ("fp16 rescaled", ["fp32", "fp16 rescaled"]),
        ("bf16", ["bf16", "bf16"]),
        ("fp32", ["fp32", "fp32"]),
    ],
)
def test_pins(tmp_path: Path, pinned: str, expected: list[str]) -> None:
    bench = Bench(tmp_path, overflowing())
    bench.plans.pin("sketch", pinned)
    assert all(bench.error("decoder", bench.run("decoder")) < 0.05 for _ in expected)
    assert bench.precisions == expected


def test_a_pin_to_fp16_still_uses_known_scales_when_fp16_fails(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    bench.run("decoder")
    bench.plans.pin("sketch", "fp16")
    bench.run("decoder")
    assert bench.reports[-1].precision == "fp16 rescaled" and bench.reports[-1].repaired


def test_without_rescaling_it_stays_in_fp32(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing(), rescaled=False)
    bench.run("decoder")
    bench.run("decoder")
    assert bench.precisions == ["fp32", "fp32"]


def test_clearing_starts_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    bench.run("decoder")
    bench.plans.clear("sketch")
    bench.run("decoder")
    assert bench.precisions == ["fp32", "fp32"] and bench.reports[1].repaired


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("half", HALVES)
def test_input_that_is_not_finite_is_not_the_vaes_fault(tmp_path: Path, half: Half, bad: float) -> None:
    x = (LATENTS if half == "decoder" else IMAGES).clone()
    x[0, 1, 2, 3] = bad
    bench = Bench(tmp_path, shallow_kl())
    with pytest.raises(NotFinite, match="the sampler produced it" if half == "decoder" else "before the VAE"):
        bench.run(half, x)
    assert bench.reports == [] and bench.plans.of("sketch").repairs == 0


@pytest.mark.parametrize("half", HALVES)
def test_nan_weights_end_in_one_clear_error(tmp_path: Path, half: Half) -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors[f"{half}.conv_in.bias"][0] = float("nan")
    bench = Bench(tmp_path, tensors)
    with pytest.raises(NotFinite, match=rf"bad\.vae cannot .* damaged, {half}\.conv_in\.bias hold NaN") as caught:
        bench.run(half)
    assert "another copy" in str(caught.value) and "fp32 gave NaN or infinite values" in str(caught.value)


@pytest.mark.parametrize("network", [SgmVae, SD3Vae])
def test_encoders_that_sample_are_repaired_with_the_same_random_numbers(tmp_path: Path, network: type) -> None:
    """Their infinite log-variance is clamped, so that the sample alone would not show it."""
    tensors = overflowing("encoder")
    if network is SD3Vae:
        tensors = {name: value for name, value in tensors.items() if "quant_conv" not in name}
    bench = Bench(tmp_path, tensors, network(tensors))
    moments = load_autoencoder(tensors).moments(IMAGES)
    torch.manual_seed(7)
    expected = Posterior(moments).sample()
    after = torch.rand(3)
    for _ in range(2):
        torch.manual_seed(7)
        got = bench.watch.encode(bench.vae.encode, IMAGES.half())
        assert (got.float() - expected).norm() / expected.norm() < 0.02
        assert torch.equal(torch.rand(3), after)
    assert bench.precisions == ["fp32", "fp16 rescaled"]


def test_an_infinite_log_variance_alone_is_found(tmp_path: Path) -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["quant_conv.bias"][6] = 1e30
    bench = Bench(tmp_path, tensors, SgmVae(tensors))
    assert not bench.vae.encode(IMAGES.half()).isnan().any()
    bench.watch.encode(bench.vae.encode, IMAGES.half())
    assert bench.precisions == ["fp32"]


class Replaced:
    """An extension that decodes in tiles: it replaces ``decoder.forward`` and raises when it finds a NaN."""

    def __init__(self, vae: Any) -> None:
        self.decoder, self.plain = vae.decoder, vae.decoder.forward
        vae.decoder.forward = self

    def __call__(self, z: Tensor) -> Tensor:
        images: Tensor = self.plain(z)
        if not images.isfinite().all():
            raise NansFound
        return images

    def remove(self) -> None:
        del self.decoder.forward


def test_with_a_replaced_forward_only_whole_results_are_retried(tmp_path: Path) -> None:
    """Such an extension computes its norms itself, with an eps of its own; the web UI's retry never ran there (D15)."""
    bench = Bench(tmp_path, overflowing())
    replaced = Replaced(bench.vae)
    assert bench.error("decoder", bench.run("decoder")) < 1e-3
    assert bench.error("decoder", bench.run("decoder")) < 1e-3
    assert bench.precisions == ["fp32", "fp32"]
    replaced.remove()
    bench.run("decoder")
    assert bench.precisions[-1] == "fp16 rescaled"
    weights = bench.vae.decoder.conv_in.weight.clone()
    Replaced(bench.vae)
    bench.run("decoder")
    assert bench.precisions[-1] == "fp32" and not torch.equal(bench.vae.decoder.conv_in.weight, weights)


def out_of_memory_at(module: torch.nn.Module) -> Any:
    def fail(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError(OUT_OF_MEMORY)

    return module.register_forward_pre_hook(fail)


BIG = torch.randn(1, 4, 4, 18, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("stage", [part.name for part in parts_of(LdmVae(shallow_kl()), "decoder")][::12])
def test_out_of_memory_is_answered_with_tiles(tmp_path: Path, stage: str) -> None:
    bench = Bench(tmp_path, shallow_kl())
    out_of_memory_at(bench.vae.get_submodule(stage))
    expected = decode_tiled(load_autoencoder(shallow_kl()), BIG.half(), tile=16, overlap=4)
    assert torch.equal(bench.run("decoder", BIG), expected.half())
    assert bench.precisions == ["fp32 in tiles of 16"]
    assert bench.plans.of("sketch").decoder.precision is Precision.FP16


def test_out_of_memory_in_the_repair_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, overflowing())
    run = ExactNetwork.run

    def short_of_memory(self: ExactNetwork, half: Half, x: Tensor, dtype: torch.dtype, tile: int = 0) -> Any:
        if not tile and max(x.shape) > 16:
            raise torch.cuda.OutOfMemoryError(OUT_OF_MEMORY)
        return run(self, half, x, dtype, tile)

    monkeypatch.setattr(ExactNetwork, "run", short_of_memory)
    bench.run("decoder", BIG)
    assert [attempt.fault for attempt in bench.reports[0].attempts] == ["overflow", "memory"]
    assert bench.precisions == ["fp32 in tiles of 16"] and bench.reports[0].from_now_on == "fp16 rescaled"


def test_no_memory_at_all_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short_of_memory(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError(OUT_OF_MEMORY)

    bench = Bench(tmp_path, shallow_kl())
    monkeypatch.setattr(ExactNetwork, "run", short_of_memory)
    out_of_memory_at(bench.vae.decoder.conv_in)
    with pytest.raises(
        NotFinite, match=r"fp16 ran out of memory; fp32 in tiles of 16 ran out of memory.*smaller picture"
    ):
        bench.run("decoder", BIG)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, RuntimeError("CUDA error: device-side assert triggered"), ValueError("x")]
)
def test_every_other_error_and_every_interrupt_passes_through(tmp_path: Path, error: Any) -> None:
    bench = Bench(tmp_path, shallow_kl())

    def inner(_: Tensor) -> Tensor:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        bench.watch.decode(inner, LATENTS.half())
    assert bench.reports == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_in_another_format_is_run_plainly_and_never_scaled(tmp_path: Path, dtype: torch.dtype) -> None:
    """With ``--no-half-vae`` the web UI still encodes under autocast (D11) and with casts (D13)."""
    plain: list[str] = []

    class Plainly:
        def __enter__(self) -> None:
            plain.append("in")

        def __exit__(self, *_: object) -> None:
            plain.append("out")

    bench = Bench(tmp_path, overflowing("encoder"), LdmVae(overflowing("encoder"), dtype))
    watch = Watch(bench.vae, lambda: bench.identity, bench.plans, Surroundings(plainly=Plainly))
    assert watch.encode(bench.vae.encode, IMAGES.half()).parameters.isfinite().all()
    assert plain == ["in", "out"] and bench.vae.dtype == dtype and bench.plans.of("sketch").repairs == 0


def test_renewing_brings_the_original_weights_back_and_asks_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    before = [parameter.clone() for parameter in bench.vae.parameters()]
    bench.run("decoder")
    bench.run("decoder")
    assert any(not torch.equal(one, two) for one, two in zip(before, bench.vae.parameters(), strict=True))
    bench.watch.renew()
    assert all(torch.equal(one, two) for one, two in zip(before, bench.vae.parameters(), strict=True))
    bench.vae.load_state_dict(shallow_kl())
    bench.watch.renew(Identity("good", None, "other"))
    bench.reports.clear()
    bench.run("decoder")
    assert bench.reports == [] and bench.watch.identity.name == "good"


def test_a_vae_that_cannot_be_told_learns_for_this_session(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    bench.identity = Identity("unknown")
    bench.run("decoder")
    bench.run("decoder")
    assert bench.precisions == ["fp32", "fp16 rescaled"] and bench.plans.all() == {}


def test_a_place_that_cannot_be_written_to_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path, overflowing())
    (tmp_path / "plans.json").mkdir()
    bench.run("decoder")
    bench.run("decoder")
    assert bench.precisions == ["fp32", "fp16 rescaled"] and "cannot be read" in caplog.text


def test_scales_that_do_not_give_the_same_picture_are_not_used(tmp_path: Path) -> None:
    """Someone has changed what the network computes with its norms."""
    bench = Bench(tmp_path, overflowing())
    plain = bench.vae.decoder.norm_out.__class__.forward

    class OwnEps(bench.vae.decoder.norm_out.__class__):
        def forward(self, x: Tensor) -> Tensor:
            self.eps, eps = 1e-1, self.eps
            try:
                return plain(self, x)
            finally:
                self.eps = eps

    for module in bench.vae.decoder.modules():
        if hasattr(module, "eps"):
            module.__class__ = OwnEps
    bench.run("decoder")
    assert bench.plans.of("sketch").decoder.precision is Precision.FP32


def test_previews_meanwhile(tmp_path: Path) -> None:
    """A live preview runs the same network from another thread, before, while and after it is rescaled."""
    bench = Bench(tmp_path, overflowing())
    done, failed = threading.Event(), []

    def preview() -> None:
        while not done.is_set():
            try:
                with bench.watch.weights_lock, torch.no_grad():
                    images = bench.vae.decode(LATENTS.half())
                if bench.reports and not bench.watch.identity:
                    failed.append(images)
            except Exception as error:  # noqa: BLE001
                failed.append(error)

    thread = threading.Thread(target=preview)
    thread.start()
    try:
        results = [bench.run("decoder") for _ in range(3)]
    finally:
        done.set()
        thread.join()
    assert failed == [] and all(bench.error("decoder", result) < 0.008 for result in results)


@pytest.fixture(autouse=True)
def _quiet_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield
