"""One picture through many VAEs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.compare.decoding import opened
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.comparison import Settings, compare
from vae_workbench.compare.sources.picture import Picture
from vae_workbench.errors import Cancelled, FileProblem, InvalidInput


@pytest.fixture
def picture() -> Picture:
    pixels = torch.rand(1, 3, 30, 45, generator=torch.Generator().manual_seed(5))
    return Picture("noise", pixels, (45, 30))


@pytest.fixture
def vaes(tmp_path: Path) -> list[Candidate]:
    return [Candidate(f"vae {seed}", save_small_kl(tmp_path / f"{seed}.safetensors", seed)) for seed in (1, 2)]


def expected(picture: Picture, encoder_seed: int, decoder_seed: int) -> np.ndarray:
    """The same by hand: pad to 32×48, encode, decode, cut."""
    padded = torch.nn.functional.pad(picture.pixels * 2 - 1, (0, 3, 0, 2), mode="replicate")
    with torch.inference_mode():
        latents = load_autoencoder(small_kl(encoder_seed)).encode(padded)
        decoded = load_autoencoder(small_kl(decoder_seed)).decode(latents)[0, :, :30, :45]
    return (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()


def test_each_vae_encodes_and_decodes_for_itself(picture: Picture, vaes: list[Candidate]) -> None:
    done = compare(picture, vaes)
    assert [r.candidate for r in done.results] == vaes
    for seed, result in zip((1, 2), done.results, strict=True):
        assert result.error is None and result.fidelity is not None and result.look is not None
        assert result.image is not None and result.image.shape == (30, 45, 3)
        assert np.allclose(result.image, expected(picture, seed, seed), atol=1e-5)


def test_one_encoder_for_all(picture: Picture, vaes: list[Candidate]) -> None:
    done = compare(picture, vaes, encoder=vaes[0])
    assert done.encoder == vaes[0]
    for seed, result in zip((1, 2), done.results, strict=True):
        assert np.allclose(result.image, expected(picture, 1, seed), atol=1e-5)


def test_one_bad_file_does_not_spoil_the_others(picture: Picture, vaes: list[Candidate], tmp_path: Path) -> None:
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    save_file({"foo": torch.zeros(3)}, tmp_path / "no vae.safetensors")
    bad = [Candidate(name, tmp_path / name) for name in ("junk.safetensors", "no vae.safetensors", "gone.safetensors")]
    results = compare(picture, [*bad, *vaes]).results
    assert all(r.error and r.image is None for r in results[:3])
    assert all(r.error is None for r in results[3:])


def test_a_bad_encoder_is_an_error(picture: Picture, vaes: list[Candidate], tmp_path: Path) -> None:
    with pytest.raises(FileProblem):
        compare(picture, vaes, encoder=Candidate("gone", tmp_path / "gone.safetensors"))


def test_whatever_one_vae_raises_the_others_results_stay(
    picture: Picture, vaes: list[Candidate], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A network for pictures of 4 channels raised a ValueError from the depths of a measure, and all results were lost."""
    real = opened.open_autoencoder

    def fail_once(path: Path, **keywords: object) -> object:
        if path == vaes[0].path:
            raise ZeroDivisionError("what nobody thought of")
        return real(path, **keywords)

    monkeypatch.setattr(opened, "open_autoencoder", fail_once)
    bad, good = compare(picture, vaes).results
    assert bad.error is not None and bad.error.startswith("vae 1 could not be run. ") and "\n" not in bad.error
    assert good.error is None and good.fidelity is not None
    assert any(record.exc_info for record in caplog.records), "the log has the traceback"
    with pytest.raises(InvalidInput, match="vae 1 could not be run"):
        compare(picture, vaes[1:], encoder=vaes[0])


@pytest.mark.parametrize(("taken", "given", "told"), [(4, 4, "are 4"), (1, 1, "are 1"), (3, 12, "are 3 in and 12 out")])
def test_networks_that_are_not_for_rgb_are_refused_in_words(
    picture: Picture, vaes: list[Candidate], tmp_path: Path, taken: int, given: int, told: str
) -> None:
    tensors = small_kl(3)
    tensors["encoder.conv_in.weight"] = torch.randn(32, taken, 3, 3)
    tensors["decoder.conv_out.weight"], tensors["decoder.conv_out.bias"] = (
        torch.randn(given, 32, 3, 3),
        torch.randn(given),
    )
    save_file(tensors, tmp_path / "other.safetensors")
    other = Candidate("other", tmp_path / "other.safetensors")
    for encoder in (None, vaes[0]):
        bad, good = compare(picture, [other, vaes[1]], encoder=encoder).results
        assert bad.error is not None and bad.error.startswith("other is not for RGB pictures") and told in bad.error
        assert good.error is None
    with pytest.raises(InvalidInput, match="not for RGB"):
        compare(picture, vaes, encoder=other)


def test_without_middle_attention_it_runs(picture: Picture, tmp_path: Path) -> None:
    save_file({n: t for n, t in small_kl().items() if ".attn_1." not in n}, tmp_path / "v.safetensors")
    (result,) = compare(picture, [Candidate("v", tmp_path / "v.safetensors")]).results
    assert result.error is None and result.fidelity is not None


@pytest.mark.skipif(not hasattr(torch, "float8_e4m3fn"), reason="this torch has no fp8")
def test_fp8_weights_are_run(picture: Picture, vaes: list[Candidate], tmp_path: Path) -> None:
    save_file({n: t.to(torch.float8_e4m3fn) for n, t in small_kl().items()}, tmp_path / "v.safetensors")
    (result,) = compare(picture, [Candidate("v", tmp_path / "v.safetensors")], encoder=vaes[0]).results
    assert result.error is None and result.fidelity is not None


def test_what_is_suspicious_about_a_file_is_noted(picture: Picture, tmp_path: Path) -> None:
    """Half a download that decodes to something all the same."""
    save_small_kl(tmp_path / "v.safetensors")
    (tmp_path / "v.safetensors.aria2").touch()
    (result,) = compare(picture, [Candidate("v", tmp_path / "v.safetensors")]).results
    assert any("download has not ended" in note for note in result.notes)


def test_half_a_vae(picture: Picture, vaes: list[Candidate], tmp_path: Path) -> None:
    decoder = {n: t for n, t in small_kl(3).items() if n.startswith(("decoder", "post_quant_conv"))}
    save_file(decoder, tmp_path / "decoder.safetensors")
    half = Candidate("half", tmp_path / "decoder.safetensors")
    (alone,) = compare(picture, [half]).results
    assert alone.error is not None and "no encoder" in alone.error
    (with_encoder,) = compare(picture, [half], encoder=vaes[0]).results
    assert np.allclose(with_encoder.image, expected(picture, 1, 3), atol=1e-5)


def test_latents_of_another_kind_are_refused_in_words(picture: Picture, vaes: list[Candidate], tmp_path: Path) -> None:
    sixteen = Candidate("sixteen", save_small_kl(tmp_path / "16.safetensors", 4, latent_channels=16))
    (result,) = compare(picture, [sixteen], encoder=vaes[0]).results
    assert result.error is not None and "16 channels" in result.error and "4 channels" in result.error


def test_pixels_that_are_not_finite_are_told_and_not_measured(picture: Picture, tmp_path: Path) -> None:
    tensors = small_kl()
    tensors["decoder.conv_out.bias"] = torch.tensor([0.0, float("nan"), 0.0])
    save_file(tensors, tmp_path / "nan.safetensors")
    (result,) = compare(picture, [Candidate("nan", tmp_path / "nan.safetensors")]).results
    assert result.fidelity is None and result.image is not None and np.isfinite(result.image).all()
    assert any("100.0% of the pixels are not finite" in note for note in result.notes)


def test_an_encoder_that_overflows_is_named(picture: Picture, vaes: list[Candidate], tmp_path: Path) -> None:
    """The decoder must not be blamed for what it was given."""
    tensors = small_kl()
    tensors["encoder.conv_out.bias"] = tensors["encoder.conv_out.bias"] * float("nan")
    save_file(tensors, tmp_path / "nan.safetensors")
    (result,) = compare(picture, vaes[:1], encoder=Candidate("culprit", tmp_path / "nan.safetensors")).results
    assert "The encoder of culprit already made numbers that are not finite." in result.notes


def test_nothing_chosen(picture: Picture) -> None:
    with pytest.raises(InvalidInput, match="No VAE"):
        compare(picture, [])


def test_progress_rises_to_the_end_and_names_the_vae(picture: Picture, vaes: list[Candidate]) -> None:
    told: list[tuple[float, str]] = []
    compare(picture, vaes, encoder=vaes[0], progress=lambda fraction, what: told.append((fraction, what)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert any(what.startswith("vae 2: ") for _, what in told)


def test_cancelling_is_passed_on(picture: Picture, vaes: list[Candidate]) -> None:
    def progress(fraction: float, what: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare(picture, vaes, progress=progress)


def test_running_out_of_memory_goes_on_in_tiles(
    picture: Picture, vaes: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = opened.open_autoencoder

    def short_of_memory(*arguments: object, **keywords: object) -> object:
        network = real(*arguments, **keywords)
        whole = network.decode
        pixels = 0

        def decode(latents: torch.Tensor, *rest: object, **options: object) -> torch.Tensor:
            nonlocal pixels
            pixels += 1
            if pixels == 1:
                raise torch.cuda.OutOfMemoryError("out of memory")
            return whole(latents, *rest, **options)

        network.decode = decode
        return network

    monkeypatch.setattr(opened, "open_autoencoder", short_of_memory)
    (result,) = compare(picture, vaes[:1]).results
    assert "Run in tiles: memory ran out." in result.notes
    assert np.allclose(result.image, expected(picture, 1, 1), atol=0.05)


def test_a_large_picture_is_run_in_tiles(
    picture: Picture, vaes: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "TILED_ABOVE_PIXELS", 100)
    (result,) = compare(picture, vaes[:1]).results
    assert "Run in tiles: the picture is large." in result.notes


def test_reduced_precision_is_near(picture: Picture, vaes: list[Candidate]) -> None:
    (result,) = compare(picture, vaes[:1], settings=Settings(precision="bf16")).results
    assert np.abs(result.image - expected(picture, 1, 1)).mean() < 0.05
    assert not np.allclose(result.image, expected(picture, 1, 1), atol=1e-5), "it ran in fp32 after all"
