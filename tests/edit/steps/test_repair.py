"""What can be put right, and what is said of the rest."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.edit.files import decoded, latents, made, metadata_of, same, saved
from tests.identity.files import Tensors, checkpoint, in_diffusers_names, prefixed, save, small_kl
from vae_workbench.edit.save import Saved
from vae_workbench.edit.steps.repair import Repair
from vae_workbench.errors import DamagedFile, InvalidInput

DEMO = Path(__file__).parents[3] / "demo" / "demo-vae-sd1.safetensors"


def repaired(source: Path) -> Saved:
    return saved(source, Repair(), forgiving=True)


def written(path: Path, tensors: Tensors, metadata: object, gap: int = 0, tail: int = 0) -> Path:
    """A file as no library writes it: with any metadata, gaps before its tensors and bytes behind them."""
    entries: dict[str, object] = {} if metadata is ... else {"__metadata__": metadata}
    data = b""
    for name, value in tensors.items():
        data += bytes(gap)
        content = value.contiguous().numpy().tobytes()
        place = [len(data), len(data) + len(content)]
        entries[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": place}
        data += content
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data + bytes(tail))
    return path


CONTAINERS = {
    "has null as metadata": dict(metadata=None),
    "has metadata that is no text": dict(metadata={"epoch": 3, "tags": ["a"], "title": "T"}),
    "bytes between its tensors": dict(metadata=..., gap=8),
    "has 5 bytes at its end": dict(metadata=..., tail=5),
}


@pytest.mark.parametrize("fault", CONTAINERS)
def test_containers(tmp_path: Path, fault: str) -> None:
    source = written(tmp_path / "vae.safetensors", small_kl(), **CONTAINERS[fault])  # type: ignore[arg-type]
    result = repaired(source)
    assert any(fault in note for note in result.notes)
    assert same(load_file(result.path), small_kl())
    told = metadata_of(result.path)
    assert "no text" not in fault or (told["epoch"], told["tags"], told["title"]) == ("3", '["a"]', "T")


def test_other_commands_still_refuse_gaps(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile):
        made(written(tmp_path / "vae.safetensors", small_kl(), ..., tail=5))


def half_converted(tensors: Tensors) -> Tensors:
    theirs = in_diffusers_names(tensors)
    wrong = {name: new for name, new in zip(tensors, theirs, strict=True) if ".attn_1." in name}
    return {
        (
            name.rsplit(".attn_1.", 1)[0] + ".attn_1." + wrong[name].split("attentions.0.", 1)[1]
            if name in wrong
            else name
        ): (theirs[wrong[name]] if name in wrong else value)
        for name, value in tensors.items()
    }


@pytest.mark.parametrize(
    "tensors",
    [half_converted(small_kl()), prefixed(small_kl(), "_orig_mod."), in_diffusers_names(small_kl())],
    ids=["half converted", "prefix", "diffusers"],
)
def test_names(tmp_path: Path, tensors: Tensors) -> None:
    result = repaired(save(tmp_path / "vae.safetensors", tensors))
    assert same(load_file(result.path), small_kl())
    assert any("names are not those that the web UI reads" in note for note in result.notes)


def test_names_in_a_checkpoint(tmp_path: Path) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", half_converted(small_kl())))
    assert same(load_file(repaired(source).path), checkpoint("sd1", small_kl()))


def test_a_wrapper(tmp_path: Path) -> None:
    torch.save({"state_dict": {"vae": small_kl()}}, tmp_path / "vae.pt")
    result = repaired(tmp_path / "vae.pt")
    assert same(load_file(result.path), small_kl())
    assert "Its weights lay under state_dict.vae." in result.notes


def test_a_sound_file_is_not_written_again(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl())
    result = repaired(source)
    assert not result.written and list(tmp_path.iterdir()) == [source]
    assert any("needs no repair" in note for note in result.notes)


def folded(tensors: Tensors) -> Tensors:
    """The same network without quant convolutions: those are linear, and go into the layers beside them."""
    out = {name: value.float() for name, value in tensors.items() if "quant_conv" not in name}
    quant, post = (tensors[f"{name}.weight"].float()[..., 0, 0] for name in ("quant_conv", "post_quant_conv"))
    out["encoder.conv_out.weight"] = torch.einsum("oi,ichw->ochw", quant, out["encoder.conv_out.weight"])
    out["encoder.conv_out.bias"] = quant @ out["encoder.conv_out.bias"] + tensors["quant_conv.bias"].float()
    weight = out["decoder.conv_in.weight"]
    out["decoder.conv_in.weight"] = torch.einsum("ochw,ci->oihw", weight, post)
    shift = tensors["post_quant_conv.bias"].float()
    out["decoder.conv_in.bias"] = out["decoder.conv_in.bias"] + torch.einsum("ochw,c->o", weight, shift)
    return out


def test_quant_convolutions_that_went_into_their_neighbours(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", folded(load_file(DEMO)))
    result = repaired(source)
    after = load_file(result.path)
    assert (
        torch.equal(after["quant_conv.weight"][..., 0, 0], torch.eye(8))
        and after["post_quant_conv.bias"].tolist() == [0] * 4
    )
    assert torch.allclose(decoded(result.path, latents()), decoded(source, latents()), atol=1e-5)


def test_quant_convolutions_that_are_lost(tmp_path: Path) -> None:
    lost = {name: value for name, value in small_kl().items() if "quant_conv" not in name}
    with pytest.raises(
        InvalidInput, match="quant_conv and post_quant_conv is missing, and its weights cannot be known"
    ):
        repaired(save(tmp_path / "vae.safetensors", lost))


def without(*parts: str) -> Tensors:
    return {name: value for name, value in small_kl().items() if not any(part in name for part in parts)}


def changed(part: str, value: float) -> Tensors:
    return {name: torch.full_like(old, value) if part in name else old for name, old in small_kl().items()}


BEYOND = {
    r"2 of its tensors are missing": without("decoder.norm_out"),
    "NaN or infinite": changed("decoder.conv_out.weight", float("nan")),
    "hold nothing but zeros": changed("decoder.up.0.block", 0.0),
    "holds no VAE": {"w": torch.ones(2)},
}


@pytest.mark.parametrize("sentence", BEYOND)
def test_what_is_beyond_repair(tmp_path: Path, sentence: str) -> None:
    source = save(tmp_path / "vae.safetensors", BEYOND[sentence])
    with pytest.raises(InvalidInput, match=sentence):
        repaired(source)
    assert list(tmp_path.iterdir()) == [source]


def test_a_layer_of_zeros_is_told(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", prefixed(changed("decoder.conv_out.weight", 0.0), "ae."))
    assert "What cannot be repaired: decoder.conv_out.weight holds nothing but zeros." in repaired(source).notes
