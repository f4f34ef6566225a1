"""Whatever a VAE does, what comes out is right or an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.host_vaes import LdmVae, Posterior, SD3Vae, SgmVae, enlarged, overflowing, shallow_kl, values_of
from tests.precision.guarded import IMAGES, LATENTS, Bench, NansFound
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.errors import NotFinite
from vae_workbench.precision.exact import ExactNetwork
from vae_workbench.precision.guard.hooks import GuardHooks, Identity
from vae_workbench.precision.guard.vae_guard import VaeGuard
from vae_workbench.precision.plan import Precision
from vae_workbench.precision.structure import HALVES, Half


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


def with_one_huge_channel(part: str) -> dict[str, Tensor]:
    """One channel of what a layer gives is 2¹⁷ times as large."""
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    for kind in ("weight", "bias"):
        tensors[f"{part}.{kind}"][3] *= 2.0**17
    return tensors


@pytest.mark.parametrize(
    ("half", "part"),
    [
        ("decoder", "decoder.mid.block_1.conv1"),
        ("decoder", "decoder.conv_in"),
        ("encoder", "encoder.down.1.block.0.conv2"),
    ],
)
def test_overflow_in_one_channel(tmp_path: Path, half: Half, part: str) -> None:
    tensors = with_one_huge_channel(part)
    seen: list[Tensor] = []
    vae = LdmVae(tensors)
    vae.get_submodule(part).register_forward_hook(lambda _module, _inputs, output: seen.append(output[0]))
    bench = Bench(tmp_path, tensors, vae)
    errors = [bench.error(half, bench.run(half)) for _ in range(2)]
    assert [int(channel) for channel in seen[0].isfinite().logical_not().flatten(1).any(1).nonzero()] == [3]
    assert bench.precisions == ["fp32", "fp16 rescaled"] and errors[0] < 2e-3 and errors[1] < 0.02


def test_overflow_in_one_channel_of_the_picture(tmp_path: Path) -> None:
    """What is too large for fp16 itself becomes its largest number; the other channels are as they were."""
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.conv_out.weight"][1] *= 1e6
    bench = Bench(tmp_path, tensors)
    plain, result = bench.vae.decode(LATENTS.half()), bench.run("decoder")
    exact = load_autoencoder(tensors).decode(LATENTS)
    assert plain[:, ::2].isfinite().all() and plain[:, 1].isinf().any()
    assert result.isfinite().all() and torch.allclose(result[:, ::2].float(), exact[:, ::2], atol=2e-3)
    assert torch.equal(result[:, 1].sign(), exact[:, 1].half().sign()) and bench.precisions == ["fp32"]


def test_overflow_for_some_latents_only(tmp_path: Path) -> None:
    """Those before it run as they are, and those after it are right too."""
    tensors = enlarged(shallow_kl(), "decoder.conv_in", 11)
    bench = Bench(tmp_path, tensors)
    small, large = 0.1 * LATENTS, 40 * LATENTS
    assert torch.equal(bench.run("decoder", small), LdmVae(tensors).decode(small.half())) and bench.reports == []
    errors = [bench.error("decoder", bench.run("decoder", x), x) for x in (large, small, large, small)]
    assert bench.precisions == ["fp32", *["fp16 rescaled"] * 3] and max(errors) < 0.01
    assert [report.repaired for report in bench.reports] == [True, False, False, False]


@pytest.mark.parametrize("half", HALVES)
def test_one_bad_number_at_1000_random_positions_is_caught_1000_times(tmp_path: Path, half: Half) -> None:
    """The web UI looks at x[0, 0, 0] alone (D6)."""
    bench = Bench(tmp_path, shallow_kl(), fp32=False, tiled=False)
    random = torch.Generator().manual_seed(0)
    right = torch.randn((1, 3, 24, 40) if half == "decoder" else (1, 8, 12, 20), generator=random).half()
    given = right.clone()
    bench.vae.decode = bench.vae.encoder.forward = bench.vae.quant_conv.forward = lambda _: given
    caught = 0
    for number, place in enumerate(torch.randint(given.numel(), (1000,), generator=random).tolist()):
        given.view(-1)[place] = (float("nan"), float("inf"), -float("inf"))[number % 3]
        with pytest.raises(NotFinite, match="fp16 gave NaN or infinite values"):
            bench.run(half)
        given.copy_(right)
        caught += 1
    assert caught == 1000 and torch.equal(bench.run(half), right)


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
        got = bench.vae_guard.encode(bench.vae.encode, IMAGES.half())
        assert (got.float() - expected).norm() / expected.norm() < 0.02
        assert torch.equal(torch.rand(3), after)
    assert bench.precisions == ["fp32", "fp16 rescaled"]


def test_an_infinite_log_variance_alone_is_found(tmp_path: Path) -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["quant_conv.bias"][6] = 1e30
    bench = Bench(tmp_path, tensors, SgmVae(tensors))
    assert not bench.vae.encode(IMAGES.half()).isnan().any()
    bench.vae_guard.encode(bench.vae.encode, IMAGES.half())
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


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, RuntimeError("CUDA error: device-side assert triggered"), ValueError("x")]
)
def test_every_other_error_and_every_interrupt_passes_through(tmp_path: Path, error: Any) -> None:
    bench = Bench(tmp_path, shallow_kl())

    def inner(_: Tensor) -> Tensor:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        bench.vae_guard.decode(inner, LATENTS.half())
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
    vae_guard = VaeGuard(bench.vae, lambda: bench.identity, bench.plans, GuardHooks(without_autocast=Plainly))
    assert vae_guard.encode(bench.vae.encode, IMAGES.half()).parameters.isfinite().all()
    assert plain == ["in", "out"] and bench.vae.dtype == dtype and bench.plans.of("sketch").repairs == 0


def test_renewing_brings_the_original_weights_back_and_asks_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    before = [parameter.clone() for parameter in bench.vae.parameters()]
    bench.run("decoder")
    bench.run("decoder")
    assert any(not torch.equal(one, two) for one, two in zip(before, bench.vae.parameters(), strict=True))
    bench.vae_guard.renew()
    assert all(torch.equal(one, two) for one, two in zip(before, bench.vae.parameters(), strict=True))
    bench.vae.load_state_dict(shallow_kl())
    bench.vae_guard.renew(Identity("good", None, "other"))
    bench.reports.clear()
    bench.run("decoder")
    assert bench.reports == [] and bench.vae_guard.identity.name == "good"


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


def test_previews_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live previews run the same network from other threads, before, while and after it is repaired and rescaled. Each sees
    the weights as they were or as they are: the picture is spoiled, or right, and never anything between."""
    bench = Bench(tmp_path, overflowing())
    done, during = threading.Event(), threading.Semaphore(0)
    seen: list[Tensor | Exception] = []
    run = ExactNetwork.run

    def preview() -> None:
        with torch.no_grad():
            while not done.is_set():
                try:
                    with bench.vae_guard.weights_lock:
                        seen.append(bench.vae.decode(LATENTS.half()))
                except Exception as error:  # noqa: BLE001
                    seen.append(error)
                during.release()

    def repair(*details: Any) -> Any:
        while during.acquire(blocking=False):
            pass
        assert all(during.acquire(timeout=60) for _ in range(3)), "previews go on during a repair"
        return run(*details)

    monkeypatch.setattr(ExactNetwork, "run", repair)
    threads = [threading.Thread(target=preview) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        results = [bench.run("decoder") for _ in range(3)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    pictures = [image for image in seen if isinstance(image, Tensor)]
    assert len(pictures) == len(seen) >= 6, seen
    right = [image for image in pictures if image.isfinite().all()]
    assert len(right) < len(pictures) and all(bench.error("decoder", image) < 0.008 for image in [*right, *results])


@pytest.fixture(autouse=True)
def _quiet_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("rungs", [{}, {"rescaled": False}, {"bf16": True}, {"rescaled": False, "bf16": True}])
@pytest.mark.parametrize("pinned", ["auto", "fp16 rescaled", "fp32", "bf16"])
def test_what_is_told_to_come_first_does(tmp_path: Path, rungs: dict[str, bool], pinned: str) -> None:
    """A pin to what cannot be done was told, and something else was done."""
    bench = Bench(tmp_path, overflowing("decoder"), **rungs)
    bench.plans.keep("sketch", replace(bench.plans.of("sketch"), pinned=pinned))
    for _ in range(3):
        told = bench.vae_guard.starts_in("decoder")
        bench.run("decoder")
        report = bench.reports[-1]
        assert told == (report.attempts[0].precision if report.attempts else report.precision)
