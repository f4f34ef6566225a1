"""The guard around the VAE that makes pictures. The tests named after a defect (D6 to D15) fail without it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from modules import devices, processing, sd_samplers_common, shared
from safetensors.torch import save_file
from torch import Tensor

from tests.host_vaes import LdmVae, SD3Vae, SgmVae, overflowing, shallow_kl
from tests.webui.world import STOCK
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.errors import NotFinite
from vae_workbench.precision.exact import ExactNetwork
from vae_workbench.precision.guard.vae_guard import VaeGuard
from vae_workbench.precision.plan import Plans, Precision
from vae_workbench.webui import patching
from vae_workbench.webui.guarding import guard
from vae_workbench.webui.guarding import options as guard_options

LATENTS = 8 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
SCALE = 0.18215


class Model:
    """What is needed of the web UI's models."""

    def __init__(self, vae: Any, path: Path) -> None:
        self.first_stage_model = vae
        self.sd_checkpoint_info = SimpleNamespace(filename="model.safetensors", name_for_extra="model")
        self.loaded_vae_file = str(path)
        self.lowvram = False
        self.base_vae = None

    def decode_first_stage(self, z: Tensor) -> Tensor:
        return self.first_stage_model.decode(z / SCALE)

    def encode_first_stage(self, x: Tensor) -> Any:
        return self.first_stage_model.encode(x)

    def get_first_stage_encoding(self, posterior: Any) -> Tensor:
        return SCALE * (posterior if isinstance(posterior, Tensor) else posterior.mean)


Make = Callable[..., Model]


@pytest.fixture
def make(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Loads a VAE into a model, in fp16 as the web UI does."""
    from modules import sd_models

    plans = Plans(tmp_path / "plans.json")
    monkeypatch.setattr(guard, "plans", lambda: plans)
    monkeypatch.setattr(devices, "dtype_vae", torch.float16)
    monkeypatch.setitem(shared.opts.data, "auto_vae_precision", True)

    def load(tensors: dict[str, Tensor], network: type = LdmVae, dtype: torch.dtype = torch.float16) -> Model:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
        save_file(tensors, path)
        model = Model(network(tensors, dtype), path)
        sd_models.model_data.sd_model = model
        host.model_loaded_callback(model)
        return model

    if not STOCK:
        guard.register()
    with torch.no_grad():
        yield load
    guard.unregister()
    patching.undo_all()
    sd_models.model_data.sd_model = None


def decoded(model: Model, latents: Tensor = LATENTS) -> Tensor:
    """As a generation decodes: with the web UI's own test and retry."""
    return torch.stack(processing.decode_latent_batch(model, latents * SCALE, check_for_nans=True)).float()


def encoded(model: Model) -> Tensor:
    return sd_samplers_common.images_tensor_to_samples(IMAGES, 0, model).float()


def exact(tensors: dict[str, Tensor]) -> Tensor:
    return load_autoencoder(tensors).decode(LATENTS)


def exact_latent(tensors: dict[str, Tensor]) -> Tensor:
    return SCALE * load_autoencoder(tensors).encode(IMAGES * 2 - 1)


def error(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


def with_some_pixels(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """fp16 overflows at one place of the last norm's output, and so at the 3×3 pixels around."""
    changed = {name: value.clone() for name, value in tensors.items()}
    changed["decoder.norm_out.weight"][0] = 1
    changed["decoder.norm_out.bias"][0] = 0
    changed["decoder.conv_out.weight"][:, 0] = 0
    vae, seen = load_autoencoder(changed), []
    vae.decoder.norm_out.register_forward_hook(lambda _module, _inputs, output: seen.append(output[0, 0].abs().clone()))
    vae.decode(LATENTS)
    second, first = seen[0].flatten().sort().values[-2:].tolist()
    changed["decoder.norm_out.weight"][0] = 65504 * 2 / (first + second)
    return changed


def test_d6_nan_anywhere_is_found(make: Make) -> None:
    tensors = with_some_pixels(shallow_kl())
    model = make(tensors)
    plain = LdmVae(tensors).decode((LATENTS * SCALE).half() / SCALE)
    assert 0 < plain.isnan().sum() <= 27
    assert error(decoded(model), exact(tensors)) < 0.005


def test_d6_infinity_is_found(make: Make) -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.conv_out.weight"][1] *= 1e5
    model = make(tensors)
    assert LdmVae(tensors).decode(LATENTS.half()).isinf().any()
    assert decoded(model).isfinite().all()


def test_d7_only_this_vae_leaves_fp16(make: Make) -> None:
    bad, good = make(overflowing()), make(shallow_kl(1))
    decoded(bad)
    assert devices.dtype_vae == bad.first_stage_model.dtype == torch.float16
    assert torch.equal(decoded(good), LdmVae(shallow_kl(1)).decode((LATENTS * SCALE).half() / SCALE).float())
    assert good.first_stage_model.dtype == torch.float16


def test_d8_a_second_model_is_repaired_too(make: Make) -> None:
    for seed in (1, 2):
        tensors = overflowing(seed=seed)
        assert error(decoded(make(tensors)), exact(tensors)) < 0.005


def test_d9_what_cannot_be_repaired_is_an_error(make: Make) -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.conv_out.bias"][0] = float("nan")
    model = make(tensors)
    with pytest.raises(NotFinite, match=r"damaged, decoder\.conv_out\.bias"):
        decoded(model)


def test_d10_fp32_is_the_files(make: Make) -> None:
    tensors = overflowing()
    latents = (LATENTS * SCALE).half() / SCALE
    expected = load_autoencoder(tensors).decode(latents.float())
    assert torch.equal(decoded(make(tensors)), expected.half().float())


def test_d11_encoding_is_guarded(make: Make) -> None:
    tensors = overflowing("encoder")
    model = make(tensors)
    errors = [error(encoded(model), exact_latent(tensors)) for _ in range(2)]
    assert max(errors) < 0.01
    assert guard.plans().all().popitem()[1].encoder.precision is Precision.RESCALED


def test_d11_its_error_names_the_encoder(make: Make) -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["encoder.conv_in.bias"][0] = float("nan")
    with pytest.raises(NotFinite, match=r"cannot encode this picture: .*encoder\.conv_in\.bias"):
        encoded(make(tensors))


def test_d11_with_no_half_vae_nothing_casts_the_encoder(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "dtype_vae", torch.float32)
    model = make(shallow_kl(), LdmVae, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = encoded(model)
    assert error(got, exact_latent(shallow_kl())) < 1e-5


class CastingSD3Vae(SD3Vae):
    """The web UI's casts to fp16 on a GPU, whatever the weights are; here is none."""

    @torch.autocast("cpu", dtype=torch.bfloat16)
    def decode(self, latent: Tensor) -> Tensor:
        images: Tensor = self.decoder(latent)
        return images


def without_quant_convs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if "quant_conv" not in name}


def test_d12_sd3_heeds_no_half_vae(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "dtype_vae", torch.float32)
    tensors = without_quant_convs(shallow_kl())
    latents = (LATENTS * SCALE).half() / SCALE
    got = decoded(make(tensors, CastingSD3Vae, torch.float32))
    assert error(got, load_autoencoder(tensors).decode(latents.float())) < 1e-3


@pytest.mark.parametrize("half", ["decoder", "encoder"])
def test_d12_sd3_is_repaired(make: Make, half: Any) -> None:
    tensors = without_quant_convs(overflowing(half))
    model = make(tensors, SD3Vae)
    assert (decoded(model) if half == "decoder" else encoded(model)).isfinite().all()


@pytest.mark.parametrize("half", ["decoder", "encoder"])
def test_sdxl_is_repaired(make: Make, half: Any) -> None:
    model = make(overflowing(half), SgmVae)
    assert (decoded(model) if half == "decoder" else encoded(model)).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_d13_casts_of_every_layer_are_off(make: Make, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """On GTX 16xx, MPS and XPU the web UI casts each layer to fp16 in place of autocast."""
    monkeypatch.setattr(devices, "dtype_vae", dtype)
    monkeypatch.setattr(devices, "dtype_inference", torch.float16)
    tensors = overflowing()
    model = make(tensors, LdmVae, dtype)
    with devices.manual_cast(torch.float16):
        got = decoded(model)
    assert error(got, exact(tensors)) < 0.005
    assert not any(hasattr(kind, "org_forward") for kind in devices.patch_module_list)


def test_d14_bf16_breaks_no_picture(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """``Automatically convert VAE to bfloat16`` left a VAE whose results NumPy does not take."""
    monkeypatch.setitem(shared.opts.data, "auto_vae_precision_bfloat16", True)
    shared.opts.data[guard_options.RUNGS] = [guard_options.BF16]
    model = make(overflowing())
    assert error(decoded(model), exact(overflowing())) < 0.1
    picture = sd_samplers_common.sample_to_image(LATENTS * SCALE, 0, 0)  # the one that is saved before hires fix
    assert picture.size == (8, 8)


class TiledDecoder:
    """An extension that decodes in tiles and raises when it finds a NaN."""

    def __init__(self, vae: Any) -> None:
        self.plain = vae.decoder.forward
        vae.decoder.forward = self

    def __call__(self, z: Tensor) -> Tensor:
        images: Tensor = self.plain(z)
        devices.test_for_nans(images, "vae")
        return images


def test_d15_with_an_extension_that_decodes_in_tiles(make: Make) -> None:
    model = make(overflowing())
    TiledDecoder(model.first_stage_model)
    assert all(error(decoded(model), exact(overflowing())) < 0.005 for _ in range(2))


def test_with_an_extension_that_encodes_in_tiles(make: Make) -> None:
    model = make(overflowing("encoder"))
    encoder = model.first_stage_model.encoder
    plain = encoder.forward

    def tiled(x: Tensor) -> Tensor:
        moments: Tensor = plain(x)
        devices.test_for_nans(moments, "vae")
        return moments

    encoder.forward = tiled
    assert all(error(encoded(model), exact_latent(overflowing("encoder"))) < 0.005 for _ in range(2))
    assert encoder.forward is tiled


def test_without_the_web_uis_own_test(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.cmd_opts, "disable_nan_check", True)
    assert error(decoded(make(overflowing())), exact(overflowing())) < 0.005


def test_a_latent_that_is_not_finite_is_the_samplers(make: Make) -> None:
    latents = LATENTS.clone()
    latents[0, 3, 2, 1] = float("nan")
    with pytest.raises(NotFinite, match="the sampler produced it"):
        decoded(make(shallow_kl()), latents)


def test_a_batch_is_repaired_one_by_one(make: Make) -> None:
    model = make(overflowing())
    got = decoded(model, LATENTS.repeat(3, 1, 1, 1))
    assert all(error(one[None], exact(overflowing())) < 0.01 for one in got)
    assert guard.guard_of(model).plan.repairs == 1


def test_an_interrupt_passes_through(make: Make) -> None:
    class InterruptedException(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptedException

    model = make(shallow_kl())
    model.first_stage_model.decoder.conv_in.register_forward_pre_hook(interrupt)
    with pytest.raises(InterruptedException):
        decoded(model)
    model.first_stage_model.decoder.conv_in._forward_pre_hooks.clear()
    assert decoded(model).isfinite().all()


@pytest.fixture
def full_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"live_previews_enable": True, "show_progress_type": "Full", "show_progress_grid": False}.items():
        monkeypatch.setitem(shared.opts.data, key, value)


def test_previews_pass_through(make: Make, full_previews: None) -> None:
    """Also one that is made of a latent with NaN; it raises nothing and repairs nothing."""
    model = make(overflowing())
    state = type(shared.state)()
    with pytest.warns(RuntimeWarning, match="invalid value"):
        for latents in (LATENTS, LATENTS * float("nan")):
            state.current_latent = latents * SCALE
            thread = threading.Thread(target=state.do_set_current_image)
            thread.start()
            thread.join()
    assert guard.guard_of(model).plan.repairs == 0


def test_previews_during_a_repair(make: Make, full_previews: None, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make(overflowing())
    run, previewed = ExactNetwork.run, []

    def preview() -> None:
        state = type(shared.state)()
        state.current_latent = LATENTS * SCALE
        state.do_set_current_image()
        previewed.append(state)

    def repair(*details: Any) -> Any:
        thread = threading.Thread(target=preview)
        thread.start()
        thread.join(60)
        return run(*details)

    monkeypatch.setattr(ExactNetwork, "run", repair)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert error(decoded(model), exact(overflowing())) < 0.005
    monkeypatch.setattr(ExactNetwork, "run", run)
    assert previewed and guard.guard_of(model).plan.repairs == 1
    assert error(decoded(model), exact(overflowing())) < 0.01


def test_a_preview_in_the_thread_of_the_job(make: Make, full_previews: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--medvram`` it is made by the sampler itself."""
    monkeypatch.setattr(shared, "parallel_processing_allowed", False)
    model = make(overflowing())
    with pytest.warns(RuntimeWarning, match="invalid value"):
        sd_samplers_common.store_latent(LATENTS * SCALE)
    assert guard.guard_of(model).plan.repairs == 0
    assert decoded(model).isfinite().all()


def offloading(model: Model, calls: list[str]) -> None:
    """As ``--medvram`` does it: closures over what was there before."""
    vae = model.first_stage_model

    def moving(name: str, before: Any) -> Any:
        def moved(x: Tensor) -> Any:
            calls.append(name)
            return before(x)

        return moved

    vae.decode, vae.encode = moving("decode", vae.decode), moving("encode", vae.encode)


@pytest.mark.parametrize("order", ["before", "after", "both"])
def test_with_offloading_closures_in_any_order(make: Make, host: Any, order: str) -> None:
    model, calls = make(overflowing()), []
    if order == "before":
        guard.unregister()
    offloading(model, calls)
    guard.install(model)
    if order == "both":
        offloading(model, calls)
        guard.install(model)
    assert all(error(decoded(model), exact(overflowing())) < 0.01 for _ in range(2))
    assert calls and set(calls) == {"decode"}
    guard.unregister()
    calls.clear()
    model.first_stage_model.decode(LATENTS.half())
    model.first_stage_model.encode(IMAGES.half())
    assert calls in (["decode", "encode"], ["decode", "decode", "encode", "encode"])


def test_a_copy_of_the_model_runs_unguarded_on_its_own(make: Make) -> None:
    model = make(overflowing())
    decoded(model)
    other = copy.deepcopy(model.first_stage_model)
    assert guard.guard_of(SimpleNamespace(first_stage_model=other)) is None
    with torch.no_grad():
        other.decoder.conv_out.bias.fill_(float("nan"))
    assert other.decode(LATENTS.half()).isnan().all()
    assert decoded(model).isfinite().all()


def test_a_switch_brings_back_the_original_weights(make: Make, host: Any) -> None:
    model = make(overflowing())
    vae = model.first_stage_model
    for _ in range(2):
        decoded(model)
    scaled = vae.decoder.conv_in.weight.clone()
    guard.before_swap(model)
    assert torch.equal(vae.decoder.conv_in.weight, overflowing()["decoder.conv_in.weight"].half())
    assert not torch.equal(vae.decoder.conv_in.weight, scaled)
    vae.load_state_dict(shallow_kl(3))
    guard.after_swap(model, "another", "another.safetensors")
    assert guard.guard_of(model).identity.sketch_id == "another"
    assert torch.equal(decoded(model), LdmVae(shallow_kl(3)).decode((LATENTS * SCALE).half() / SCALE).float())


def test_a_checkpoint_loaded_over_it_without_a_word(make: Make, host: Any, tmp_path: Path) -> None:
    """As the web UI does it: weights first, callback last."""
    model = make(overflowing())
    decoded(model)
    decoded(model)
    save_file(shallow_kl(3), tmp_path / "other.safetensors")
    model.first_stage_model.load_state_dict(shallow_kl(3))
    model.loaded_vae_file = str(tmp_path / "other.safetensors")
    host.model_loaded_callback(model)
    assert torch.equal(decoded(model), LdmVae(shallow_kl(3)).decode((LATENTS * SCALE).half() / SCALE).float())
    assert guard.guard_of(model).identity.name == "other.safetensors"


def test_taking_it_off_leaves_nothing(make: Make) -> None:
    model = make(overflowing())
    for _ in range(2):
        decoded(model)
    guard.unregister()
    vae = model.first_stage_model
    assert not {"decode", "encode"} & set(vars(vae))
    assert all(torch.equal(value, overflowing()[name].half()) for name, value in vae.named_parameters())
    assert not vae.decode(LATENTS.half()).isfinite().any()


def test_the_option_turns_it_off_and_on_again(make: Make) -> None:
    model = make(overflowing())
    decoded(model)
    shared.opts.data[guard_options.ENABLED] = False
    assert not model.first_stage_model.decode(LATENTS.half()).isfinite().any()
    shared.opts.data[guard_options.ENABLED] = True
    assert model.first_stage_model.decode(LATENTS.half()).isfinite().all()


class Job:
    """What is needed of a generation."""

    def __init__(self) -> None:
        self.extra_generation_params: dict[str, str] = {}
        self.comments: list[str] = []

    def comment(self, text: str) -> None:
        self.comments.append(text)


@pytest.fixture
def run_job(make: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[[Model], Job]:
    patching.undo_all()
    monkeypatch.setattr(processing, "process_images_inner", lambda p: decoded(shared.sd_model))
    guard.register()

    def run(model: Model) -> Job:
        job = Job()
        job.extra_generation_params["VAE precision"] = "of the cell before"
        processing.process_images_inner(job)
        return job

    return run


def test_what_people_read(make: Make, run_job: Callable[[Model], Job], caplog: pytest.LogCaptureFixture) -> None:
    model = make(overflowing())
    first, second = run_job(model), run_job(model)
    assert first.extra_generation_params == {"VAE precision": "fp32"}
    assert second.extra_generation_params == {"VAE precision": "fp16 rescaled"}
    assert len(first.comments) == 1 and "now runs in fp16 rescaled" in first.comments[0] and second.comments == []
    assert caplog.text.count("The picture was repaired in fp32") == 1
    assert run_job(make(shallow_kl())).extra_generation_params == {}


def test_quiet(make: Make, run_job: Callable[[Model], Job]) -> None:
    shared.opts.data[guard_options.QUIET] = True
    job = run_job(make(overflowing()))
    assert job.comments == [] and job.extra_generation_params == {"VAE precision": "fp32"}


def test_something_else_than_a_kl_autoencoder_is_left_alone(make: Make) -> None:
    other = SimpleNamespace(first_stage_model=torch.nn.Conv2d(3, 3, 1))
    assert not guard.install(other) and not guard.install(SimpleNamespace()) and not guard.install(None)
    assert "decode" not in vars(other.first_stage_model)


def test_its_options(host: Any) -> None:
    guard_options.add_options()
    for key in (guard_options.ENABLED, guard_options.RUNGS, guard_options.QUIET):
        assert shared.opts.data_labels[key].section == guard_options.SECTION
    rungs = guard_options.rungs()
    assert guard_options.enabled() and rungs.rescaled and rungs.fp32 and rungs.tiled and not rungs.bf16


@pytest.mark.parametrize("part", ["_ladder", "_climb", "_as_it_is"])
def test_a_guard_that_fails_leaves_the_vae_as_it_is(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    """No trouble with us may keep a picture from being made: it is what the web UI would make alone."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("ours")

    tensors = shallow_kl(1)
    model = make(tensors)
    monkeypatch.setattr(VaeGuard, part, broken)
    expected = LdmVae(tensors).decode((LATENTS * SCALE).half() / SCALE).float()
    assert torch.equal(decoded(model), expected)
    assert encoded(model).isfinite().all()
    assert "The VAE guard failed (ZeroDivisionError: ours). The VAE runs as it is." in caplog.text
    monkeypatch.undo()
    assert torch.equal(decoded(model), expected)


def test_an_error_of_the_vae_itself_is_the_web_uis(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised once, as it is: an extension that stops the work with an exception of its own is not run again."""

    class Stopped(Exception):
        pass

    calls = []

    def stopped(self: object, *_: object) -> None:
        calls.append(self)
        raise Stopped

    model = make(shallow_kl(1))
    monkeypatch.setattr(LdmVae, "decode", stopped)
    with pytest.raises(Stopped):
        decoded(model)
    assert len(calls) == 1
