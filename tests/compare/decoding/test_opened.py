"""A VAE as a comparison runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.opened import OpenedVae, OpenedVaes
from vae_workbench.compare.decoding.settings import Settings, fp16_warning
from vae_workbench.identity.verdict import Certainty, Verdict
from vae_workbench.precision.plan import HalfPlan, Plan, Plans, Precision
from vae_workbench.precision.rescale import scale_stream
from vae_workbench.progress import silent

LATENTS = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
KNOWN = Verdict("", "vae", Certainty.CERTAIN, ("It is known.",), latent_space="sd1", sketch_id="abc")


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Precision as it is chosen for a GPU, computed on the CPU, which can do fp16 too."""
    monkeypatch.setattr(Settings, "is_guarded", property(lambda settings: settings.precision == "auto"))


def overflowing(tmp_path: Path, *halves: str) -> Candidate:
    """One whose activations do not fit into fp16."""
    tensors = small_kl(1)
    for half in halves:
        tensors = scale_stream(tensors, half, 2.0**18)
    save_file(tensors, tmp_path / "overflows.safetensors")
    return Candidate("overflows", tmp_path / "overflows.safetensors")


def relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float((got.float() - expected).norm() / expected.norm())


@pytest.mark.usefixtures("as_on_a_gpu")
def test_an_overflow_is_repaired_told_and_remembered(tmp_path: Path) -> None:
    settings = Settings(plans=Plans(tmp_path / "plans.json"))
    candidate = overflowing(tmp_path, "decoder", "encoder")
    expected = load_autoencoder(small_kl(1))
    vae = OpenedVae.open(candidate, settings, KNOWN)
    first = vae.decode(LATENTS, silent)
    assert relative(first.values, expected.decode(LATENTS)) < 1e-3
    assert first.precision == "fp32"
    assert first.warnings == ("The decoder overflowed in fp16: repaired in fp32.",)
    encoded = vae.encode(IMAGES, silent)
    assert encoded.values.shape == LATENTS.shape and relative(encoded.values, expected.encode(IMAGES)) < 1e-3
    assert encoded.warnings == ("The encoder overflowed in fp16: repaired in fp32.",)
    again = OpenedVae.open(candidate, settings, KNOWN).decode(LATENTS, silent)
    assert (again.precision, again.warnings) == ("fp16 rescaled", ())
    assert relative(again.values, expected.decode(LATENTS)) < 0.02


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_healthy_vae_runs_in_fp16_without_a_word(tmp_path: Path) -> None:
    candidate = Candidate("healthy", save_small_kl(tmp_path / "v.safetensors", 1))
    for ran in (vae := OpenedVae.open(candidate, Settings())).decode(LATENTS, silent), vae.encode(IMAGES, silent):
        assert (ran.precision, ran.notes, ran.warnings) == ("fp16", (), ())


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
def test_the_plan_of_a_vae_counts(tmp_path: Path, precision: Precision) -> None:
    plans = Plans(tmp_path / "plans.json")
    plans.keep("abc", Plan(decoder=HalfPlan(precision)))
    vae = OpenedVae.open(overflowing(tmp_path, "decoder"), Settings(plans=plans), KNOWN)
    assert vae.decode(LATENTS, silent).precision == precision.value


def test_what_was_chosen_is_what_runs(tmp_path: Path) -> None:
    """Also where it overflows: that is what a person wants to see."""
    ran = OpenedVae.open(overflowing(tmp_path, "decoder"), Settings(precision="fp16"), KNOWN).decode(LATENTS, silent)
    assert ran.precision == "fp16" and not torch.isfinite(ran.values).all()
    assert OpenedVae.open(overflowing(tmp_path, "decoder"), Settings()).decode(LATENTS, silent).precision == "fp32"


def test_small_vaes_are_kept_and_large_ones_make_room(tmp_path: Path) -> None:
    one, two = (Candidate(str(n), save_small_kl(tmp_path / f"{n}.safetensors", n)) for n in (1, 2))
    kept = OpenedVaes(Settings())
    assert kept.get(one) is kept.get(one) and kept.get(two) and kept.get(one) is kept.get(one)
    assert kept.size_of(one) > 0
    none = OpenedVaes(Settings(), limit=0)
    first = none.get(one)
    assert none.get(two) and none.get(one) is not first


def test_of_a_vae_that_only_decodes_no_encoder_is_read(tmp_path: Path) -> None:
    candidate = Candidate("v", save_small_kl(tmp_path / "v.safetensors", 1))
    opened = OpenedVaes(Settings(), decoders_only=True)
    assert opened.get(candidate).network.has_encoder, "its encoder has to tell its latent space"
    opened = OpenedVaes(Settings(), decoders_only=True)
    assert not opened.get(candidate, KNOWN).network.has_encoder
    assert opened.get(candidate, KNOWN, whole=True).network.has_encoder


def test_fp16_on_a_cpu_is_told_before() -> None:
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert "ten times" in (fp16_warning(cpu, "fp16") or "")
    assert fp16_warning(cuda, "fp16") is None and fp16_warning(cpu, "auto") is None
