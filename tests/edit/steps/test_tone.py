"""Colours of a VAE's pictures: what the file gives is what the matrix gives, and undoing is exact."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.edit.files import decoded, latents, made, metadata_of, same, saved
from tests.host_vaes import overflowing
from tests.identity.files import TAESD, cast, in_diffusers_names, save, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.colour_presets import PRESETS, preset
from vae_workbench.edit.steps.change_dtype import ChangeDtype
from vae_workbench.edit.steps.fp16_safe import Fp16Safe
from vae_workbench.edit.steps.rename import Rename
from vae_workbench.edit.steps.tone import TONE, Tone, UndoTone
from vae_workbench.errors import InvalidInput
from vae_workbench.identity.examine import examine
from vae_workbench.identity.relatives.colour_edit import colour_edit, takes_back

EXACT_EVERYWHERE = {
    "saturation": ColourChange.of(saturation=1.3),
    "contrast": ColourChange.of(contrast=1.2),
    "hue": ColourChange.of(hue=40.0),
    "preset": ColourChange.of(**preset("More Vivid")),
}
WITH_A_SHIFT = {
    "brightness": ColourChange.of(brightness=0.1),
    "temperature": ColourChange.of(temperature=0.5, tint=-0.2),
    "gamma": ColourChange.of(gamma=1.3),
}
VIVID = Tone(EXACT_EVERYWHERE["saturation"])


def vae(folder: Path) -> Path:
    return save(folder / "vae.safetensors", small_kl())


def encoded(path: Path, picture: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return load_autoencoder(load_file(path)).encode(picture)


@pytest.mark.parametrize("change", [*EXACT_EVERYWHERE.values(), *WITH_A_SHIFT.values()])
def test_a_preview_of_the_matrix_is_what_the_file_gives(tmp_path: Path, change: ColourChange) -> None:
    source = vae(tmp_path)
    preview = change.of_pixels(decoded(source, latents()) / 2 + 0.5)
    file = decoded(made(source, Tone(change)), latents()) / 2 + 0.5
    assert torch.allclose(file, preview, atol=1e-5)


@pytest.mark.parametrize("name", [*EXACT_EVERYWHERE, *WITH_A_SHIFT])
def test_the_encoder_takes_it_back(tmp_path: Path, name: str) -> None:
    change = {**EXACT_EVERYWHERE, **WITH_A_SHIFT}[name]
    source = vae(tmp_path)
    result = saved(source, Tone(change))
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    toned = change.of_pixels(picture / 2 + 0.5) * 2 - 1
    ours, theirs = encoded(result.path, toned), encoded(source, picture)
    exact = torch.allclose(ours, theirs, atol=1e-4)
    told = any("but for the outermost pixels" in note for note in result.notes)
    assert exact == (name in EXACT_EVERYWHERE) and told == (name in WITH_A_SHIFT)
    first = torch.nn.functional.conv2d
    weights = [load_file(path) for path in (result.path, source)]
    layers = [
        first(x, it["encoder.conv_in.weight"], it["encoder.conv_in.bias"])
        for x, it in zip((toned, picture), weights, strict=True)
    ]
    assert torch.allclose(*layers, atol=1e-5)  # without padding, all are exact


def test_what_loses_colours_leaves_the_encoder(tmp_path: Path) -> None:
    source = vae(tmp_path)
    result = saved(source, Tone(ColourChange.of(**preset("Sepia"))))
    assert any("loses colours: the encoder stays" in note for note in result.notes)
    changed = {name for name, value in load_file(result.path).items() if not torch.equal(value, small_kl()[name])}
    assert changed == {"decoder.conv_out.weight", "decoder.conv_out.bias"}


def test_the_decoder_alone(tmp_path: Path) -> None:
    after = load_file(made(vae(tmp_path), Tone(VIVID.change, decoder_only=True)))
    assert torch.equal(after["encoder.conv_in.weight"], small_kl()["encoder.conv_in.weight"])


def test_a_gamma_is_told_to_be_a_line(tmp_path: Path) -> None:
    result = saved(vae(tmp_path), Tone(ColourChange.of(gamma=2.2), gamma=2.2))
    assert any("off by up to 0.31" in note for note in result.notes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_undo_gives_the_same_bytes(tmp_path: Path, dtype: torch.dtype) -> None:
    before = cast(small_kl(), dtype)
    source = save(tmp_path / "vae.safetensors", before)
    toned = made(source, Tone(ColourChange.of(saturation=0.3, brightness=0.2)))
    twice = made(toned, VIVID)
    assert TONE in metadata_of(twice)
    for path in (toned, twice):
        undone = made(path, UndoTone())
        assert same(load_file(undone), before) and TONE not in metadata_of(undone)


def test_toned_twice_is_both_changes_of_the_original(tmp_path: Path) -> None:
    source = vae(tmp_path)
    one, other = ColourChange.of(saturation=0.5), ColourChange.of(hue=90.0)
    twice, at_once = made(made(source, Tone(one)), Tone(other)), made(source, Tone(one.then(other)))
    ours, theirs = load_file(twice), load_file(at_once)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)


def test_undo_after_other_names_and_another_precision(tmp_path: Path) -> None:
    toned = made(vae(tmp_path), VIVID)
    changed = made(toned, Rename("diffusers"), ChangeDtype("fp16"))
    undone = load_file(made(changed, UndoTone()))
    assert same(undone, cast(in_diffusers_names(small_kl()), torch.float16))


def test_undo_after_rescaling(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", overflowing("encoder"))
    safe = load_file(made(source, Fp16Safe()))
    assert same(load_file(made(made(source, VIVID, Fp16Safe()), UndoTone())), safe)


def test_undo_is_refused_after_another_edit(tmp_path: Path) -> None:
    toned = made(vae(tmp_path), VIVID)
    tensors = load_file(toned)
    tensors["decoder.conv_out.bias"] += 0.1
    save_file(tensors, tmp_path / "edited.safetensors", metadata_of(toned))
    with pytest.raises(InvalidInput, match="were changed after it was toned"):
        made(tmp_path / "edited.safetensors", UndoTone())


@pytest.mark.parametrize(
    "told", ["{", "[]", '{"matrix": [1], "offset": [], "originals": {}}', '{"originals": {"x": {}}}']
)
def test_damaged_memories_of_a_tone(tmp_path: Path, told: str) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl(), metadata={TONE: told})
    for step in (UndoTone(), VIVID):
        with pytest.raises(InvalidInput, match="is damaged"):
            made(source, step)


def test_nothing_to_undo(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not say that it was toned"):
        made(vae(tmp_path), UndoTone())


def test_identity_tells_the_edit(tmp_path: Path) -> None:
    source = vae(tmp_path)
    sketches = [examine(path).sketch for path in (made(source, VIVID), source)]
    ours, theirs = (sketch.halves for sketch in sketches if sketch)
    edit = colour_edit(ours["decoder"], theirs["decoder"])
    assert edit is not None and edit.words == "more saturated (×1.30)"
    assert takes_back(ours["encoder"], theirs["encoder"], edit)


@pytest.mark.skipif(not TAESD.exists(), reason="the published files are not there")
def test_the_published_taesd(tmp_path: Path) -> None:
    source, change = TAESD / "taesd_decoder.safetensors", ColourChange.of(contrast=1.2, brightness=0.05)
    path = made(source, Tone(change), target=tmp_path / "toned.safetensors")
    preview = change.of_pixels(decoded(source, latents()) / 2 + 0.5)
    assert torch.allclose(decoded(path, latents()) / 2 + 0.5, preview, atol=4e-3)  # the file is in fp16
    assert same(load_file(made(path, UndoTone())), load_file(source))


def test_what_has_no_colours_or_no_numbers(tmp_path: Path) -> None:
    grey = small_kl()
    for name in ("decoder.conv_out.weight", "decoder.conv_out.bias"):
        grey[name] = grey[name][:1]
    with pytest.raises(InvalidInput, match="are not red, green and blue"):
        made(save(tmp_path / "grey.safetensors", grey), VIVID)
    with pytest.raises(InvalidInput, match="no change of colours"):
        made(vae(tmp_path), Tone(ColourChange.of(contrast=float("nan"))))
    with pytest.raises(InvalidInput, match="would not fit into its number format"):
        half = save(tmp_path / "half.safetensors", cast(small_kl(), torch.float16))
        made(half, Tone(ColourChange.of(contrast=1e7)))


def test_every_preset_makes_a_change(tmp_path: Path) -> None:
    for name in PRESETS:
        change = ColourChange.of(**preset(name))
        assert not torch.allclose(change.matrix, torch.eye(3)) and change.matrix.isfinite().all()
    with pytest.raises(InvalidInput, match="Choose one of paler"):
        preset("unheard of")
