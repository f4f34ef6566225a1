from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.identity.files import (
    FAMILIES,
    Tensors,
    cast,
    checkpoint,
    in_diffusers_names,
    mixed,
    prefixed,
    save,
    small_kl,
    sparse,
)
from vae_workbench.errors import Cancelled
from vae_workbench.identity import hashes, known
from vae_workbench.identity.damage import damaged_tensors
from vae_workbench.identity.examine import Examination, examine
from vae_workbench.identity.hashes import sha256_of
from vae_workbench.identity.identify import identify, with_sha256
from vae_workbench.identity.judge import judge, taught
from vae_workbench.identity.relatives.references import Reference, References
from vae_workbench.identity.sketch import Sketch
from vae_workbench.identity.verdict import Certainty, Verdict, to_json

KEYS = {
    "path", "kind", "container", "architecture", "names", "dtype", "latent_space", "certainty", "reasons", "sketch_id",
    "known_as", "copies_of", "relatives", "baked", "error", "widths", "halves", "image_channels", "middle_attention",
    "latent_channels", "shapes_id", "warnings", "code",
}  # fmt: skip


BAKED_KEYS = {
    "state", "known_as", "sketch_id", "architecture", "widths", "halves", "image_channels", "middle_attention", "shapes_id",
}  # fmt: skip


def references(*paths: Path) -> References:
    taught_by = (taught(examine(path)) for path in paths)
    return References(reference for reference in taught_by if reference)


def halves(encoder: Tensors, decoder: Tensors) -> Tensors:
    return mixed({"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}, encoder, decoder)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A VAE that is in the table of known ones."""
    path = save(tmp_path / "published.safetensors", small_kl(3))
    row = known.KnownVae("famous-vae", "SDXL", "sdxl", sha256_of(path), (), None, None)
    monkeypatch.setattr(known, "_by_sha256", lambda: {row.sha256: row})
    return path


def test_json_has_the_keys_that_are_promised(tmp_path: Path) -> None:
    vae = to_json(identify(save(tmp_path / "m.safetensors", small_kl())))
    model = to_json(identify(save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl()))))
    nothing = to_json(identify(tmp_path / "missing"))
    for plain in (vae, model, nothing):
        assert plain.keys() == KEYS
        assert json.loads(json.dumps(plain)) == plain
        assert plain["reasons"] and all(reason.endswith(".") for reason in plain["reasons"])  # type: ignore[attr-defined]
    assert vae["baked"] is None
    assert model["baked"].keys() == BAKED_KEYS  # type: ignore[attr-defined]


@pytest.mark.parametrize("container", ["safetensors", "torch-zip", "torch-legacy"])
def test_a_vae_that_nothing_is_known_of(tmp_path: Path, container: str) -> None:
    verdict = identify(save(tmp_path / "mine", small_kl(), container))
    assert (verdict.kind, verdict.container, verdict.architecture) == ("vae", container, "kl-f8")
    assert (verdict.names, verdict.dtype) == ("ldm", "fp32")
    assert (verdict.latent_space, verdict.certainty) == (None, Certainty.UNKNOWN)
    assert "Cannot tell whether it is for SD1 and SD2 or SDXL" in verdict.reasons[0]
    assert verdict.known_as is None and verdict.copies_of == ()


def test_names_and_formats(tmp_path: Path) -> None:
    verdict = identify(save(tmp_path / "m", in_diffusers_names(cast(small_kl(), torch.bfloat16))))
    assert (verdict.names, verdict.dtype, verdict.architecture) == ("diffusers", "bf16", "kl-f8")


def test_a_known_sha256(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert identify(published).known_as == "famous-vae", "small files are hashed at once"
    monkeypatch.setattr(hashes, "SMALL", 1000)
    assert identify(published).known_as is None, "hashing is on demand"
    for sha256 in ("compute", sha256_of(published)):
        verdict = identify(published, sha256=sha256)
        assert (verdict.known_as, verdict.latent_space) == ("famous-vae", "sdxl")
        assert verdict.certainty is Certainty.CERTAIN
        assert verdict.reasons[0] == "Its sha256 is that of famous-vae."


def test_a_known_file_teaches_its_copies(published: Path, tmp_path: Path) -> None:
    """Renamed, converted, reduced and baked copies get the name too. A half is no copy."""
    reference = taught(with_sha256(examine(published)))
    assert reference is not None
    known_vaes = References([reference])
    tensors = small_kl(3)
    decoder = {name: it for name, it in tensors.items() if name.startswith(("decoder.", "post_quant_conv."))}
    for number, (copy, container) in enumerate(
        [
            (tensors, "torch-legacy"),
            (cast(tensors, torch.float16), "torch-zip"),
            (cast(in_diffusers_names(tensors), torch.bfloat16), "safetensors"),
            (prefixed(tensors, "vae."), "safetensors"),
        ]
    ):
        verdict = identify(save(tmp_path / str(number), copy, container), known_vaes)
        assert (verdict.known_as, verdict.latent_space, str(verdict.certainty)) == ("famous-vae", "sdxl", "certain")
        assert verdict.copies_of == (str(published),)
        assert any("the sha256 of that file is known" in reason for reason in verdict.reasons)
    baked = identify(save(tmp_path / "c", checkpoint("sdxl", cast(tensors, torch.float16))), known_vaes).baked
    assert baked is not None and baked.known_as == "famous-vae"
    half = identify(save(tmp_path / "half", decoder), known_vaes)
    assert (half.known_as, half.copies_of, half.latent_space) == (None, (), "sdxl")
    assert half.relatives[0].text == "It is the decoder of famous-vae, without the encoder."
    noise = torch.Generator().manual_seed(5)
    near = {name: it * (1 + 1e-3 * torch.randn(it.shape, generator=noise)) for name, it in tensors.items()}
    nearly = identify(save(tmp_path / "nearly", near), known_vaes)
    assert (nearly.known_as, nearly.copies_of) == (None, ())
    assert nearly.relatives[0].text.startswith("It is nearly the same as famous-vae, ")


def test_the_encoder_tells_the_latent_space(published: Path, tmp_path: Path) -> None:
    reference = taught(with_sha256(examine(published)))
    assert reference is not None
    verdict = identify(save(tmp_path / "m", halves(small_kl(3), small_kl(4))), References([reference]))
    assert (verdict.latent_space, verdict.certainty, verdict.known_as) == ("sdxl", Certainty.CERTAIN, None)
    assert "the same encoder as" in verdict.reasons[0]
    assert [(it.name, it.relation) for it in verdict.relatives] == [("famous-vae", "same encoder")]
    assert verdict.copies_of == ()


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_checkpoints_teach_the_latent_space_of_their_vae(tmp_path: Path, family: str) -> None:
    """SD1 and SDXL VAEs have identical names and shapes: only what is known of the same weights tells."""
    model = save(tmp_path / "model.ckpt", checkpoint(family, cast(small_kl(), torch.float16)), "torch-zip")
    verdict = identify(save(tmp_path / "vae.pt", small_kl(), "torch-legacy"), references(model))
    assert (verdict.latent_space, verdict.certainty) == (family, Certainty.CERTAIN)
    assert verdict.copies_of == (str(model),)
    stranger = identify(save(tmp_path / "other.pt", small_kl(1)), references(model))
    assert (stranger.latent_space, stranger.certainty) == (None, Certainty.UNKNOWN)


def test_checkpoints_that_disagree_teach_nothing(tmp_path: Path) -> None:
    """Somebody baked a VAE into a checkpoint that it does not fit."""
    models = [save(tmp_path / family, checkpoint(family, small_kl())) for family in ("sd1", "sdxl")]
    verdict = identify(save(tmp_path / "vae.pt", small_kl()), references(*models))
    assert (verdict.latent_space, verdict.certainty) == (None, Certainty.UNKNOWN)
    assert "disagrees" in verdict.reasons[0]


@pytest.mark.parametrize("container", ["safetensors", "torch-zip"])
@pytest.mark.parametrize("family", FAMILIES)
def test_baked_vaes(tmp_path: Path, family: str, container: str) -> None:
    channels = 16 if family in ("sd3", "flux1") else 4
    prefix = "vae." if family == "flux1" else "first_stage_model."
    tensors = checkpoint(family, small_kl(latent_channels=channels), prefix)
    verdict = identify(save(tmp_path / "m", tensors, container))
    assert (verdict.kind, verdict.architecture, verdict.certainty) == ("checkpoint", family, Certainty.CERTAIN)
    assert verdict.latent_space == {"sd2": "sd1", "sdxl-refiner": "sdxl"}.get(family, family)
    assert verdict.baked is not None and verdict.baked.state == "complete"
    alone = identify(save(tmp_path / "vae", small_kl(latent_channels=channels)))
    assert verdict.baked.sketch_id == alone.sketch_id != None  # noqa: E711


def test_the_widths_are_told(tmp_path: Path) -> None:
    file = identify(save(tmp_path / "vae", small_kl()))
    inside = identify(save(tmp_path / "m", checkpoint("sd1", small_kl())))
    assert inside.baked and file.widths == inside.baked.widths and len(file.widths) == 4
    assert file.widths[0] == small_kl()["decoder.conv_out.weight"].shape[1]


def test_baked_none_partial_and_damaged(tmp_path: Path) -> None:
    def state(vae: Tensors) -> tuple[str, str]:
        verdict = identify(save(tmp_path / "m", checkpoint("sd1", vae)))
        assert verdict.kind == "checkpoint" and verdict.baked is not None
        return verdict.baked.state, " ".join(verdict.reasons)

    assert state({}) == ("none", "This is a checkpoint of SD1: its text encoder is CLIP. It holds no VAE.")
    missing = {name: it for name, it in small_kl().items() if not name.startswith("decoder.norm_out")}
    assert state(missing)[0] == "partial" and "2 of its tensors are missing: " in state(missing)[1]
    encoder = {name: it for name, it in small_kl().items() if name.startswith(("encoder.", "quant_conv."))}
    assert state(encoder)[0] == "partial" and "the encoder only" in state(encoder)[1]
    damaged = small_kl() | {
        "decoder.conv_in.weight": torch.full_like(small_kl()["decoder.conv_in.weight"], float("inf"))
    }
    assert state(damaged)[0] == "damaged" and "for example decoder.conv_in.weight" in state(damaged)[1]


def test_a_checkpoint_with_the_wrong_vae_is_told(published: Path, tmp_path: Path) -> None:
    reference = taught(with_sha256(examine(published)))
    assert reference is not None
    verdict = identify(save(tmp_path / "m", checkpoint("sd1", small_kl(3))), References([reference]))
    assert verdict.latent_space == "sd1" and verdict.baked is not None and verdict.baked.known_as == "famous-vae"
    assert any("this VAE is not one of SD1 and SD2" in reason for reason in verdict.reasons)
    wide = identify(save(tmp_path / "w", checkpoint("sd1", small_kl(latent_channels=16))))
    assert any("does not fit SD1 and SD2" in reason for reason in wide.reasons)


def test_a_single_weight_that_is_no_number_needs_the_full_check(tmp_path: Path) -> None:
    tensors = small_kl()
    tensors["decoder.mid.block_1.conv1.weight"] = tensors["decoder.mid.block_1.conv1.weight"].clone()
    tensors["decoder.mid.block_1.conv1.weight"][0, 0, 0, 0] = float("nan")
    path = save(tmp_path / "m", checkpoint("sd1", tensors))
    assert damaged_tensors(path) == ["first_stage_model.decoder.mid.block_1.conv1.weight"]
    assert damaged_tensors(save(tmp_path / "good", small_kl())) == []

    def cancel(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        damaged_tensors(path, cancel)


def test_a_bare_vae_that_is_damaged_or_incomplete_is_broken(tmp_path: Path) -> None:
    damaged = small_kl() | {"quant_conv.bias": torch.full((8,), float("nan"))}
    verdict = identify(save(tmp_path / "m", damaged))
    assert verdict.kind == "broken" and verdict.architecture == "kl-f8"
    assert verdict.error is not None and "NaN or infinite, for example quant_conv.bias" in verdict.error
    missing = small_kl()
    del missing["decoder.conv_in.bias"]
    verdict = identify(save(tmp_path / "m2", missing))
    assert verdict.kind == "broken"
    assert "a VAE, but broken: 1 of its tensors is missing: decoder.conv_in.bias" in str(verdict.error)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"PK\x03\x04junk", b"\x80\x02junk", b"\xff" * 100, b"\x10\0\0\0\0\0\0\0{" + b"x" * 20]
)
def test_files_that_cannot_be_read_are_a_verdict(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.safetensors").write_bytes(content)
    verdict = identify(tmp_path / "bad.safetensors", sha256="compute", probe=True)
    assert verdict.kind == "broken" and verdict.error and "bad.safetensors" in verdict.error
    assert verdict.reasons == (verdict.error,)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        verdict = identify(path, sha256="compute", probe=True)
        assert verdict.kind == "broken" and verdict.error


def test_what_is_something_else(tmp_path: Path) -> None:
    verdict = identify(save(tmp_path / "lora", {"lora_unet_mid.lora_up.weight": torch.ones(3, 3)}))
    assert (verdict.kind, verdict.certainty, verdict.error) == ("other", Certainty.CERTAIN, None)
    unclear = {f"decoder.layer{number}.weight": torch.ones(1) for number in range(9)} | {
        "decoder.conv_in.weight": torch.ones(8, 4, 3, 3)
    }
    verdict = identify(save(tmp_path / "strange", unclear))
    assert (verdict.kind, verdict.certainty) == ("other", Certainty.UNKNOWN)
    assert verdict.reasons[0].startswith("Cannot tell")


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "_orig_mod.",
        "model.",
        "ae.",
        "net.",
        "state_dict.vae.",
        "model.first_stage_model.",
        "ema_model.module.",
    ],
)
def test_any_prefix_is_found(tmp_path: Path, prefix: str) -> None:
    """ "Not a VAE", certain, was said of these."""
    alone = identify(save(tmp_path / "alone", small_kl()))
    verdict = identify(save(tmp_path / "m", prefixed(small_kl(), prefix)))
    assert (verdict.kind, verdict.architecture, verdict.sketch_id) == ("vae", "kl-f8", alone.sketch_id)
    inside = identify(save(tmp_path / "c", checkpoint("sd1", small_kl(), prefix))).baked
    assert inside is not None and (inside.state, inside.sketch_id) == ("complete", alone.sketch_id)


def test_of_several_vaes_one_is_chosen_and_told(tmp_path: Path) -> None:
    both = prefixed(small_kl(1), "model.") | prefixed(small_kl(2), "ema.")
    verdict = identify(save(tmp_path / "m", both))
    assert verdict.sketch_id == identify(save(tmp_path / "2", small_kl(2))).sketch_id
    assert "It holds 2 VAEs or parts of them: the one under “ema.” counts, not that under “model.”." in verdict.reasons


@pytest.mark.parametrize("matrices", [True, False], ids=["2-D", "4-D"])
@pytest.mark.parametrize("words", [("to_q", "to_k", "to_v", "to_out.0"), ("query", "key", "value", "proj_attn")])
def test_half_converted_attention_names(tmp_path: Path, words: tuple[str, ...], matrices: bool) -> None:
    """A widespread script leaves the layers inside of the attention with the names of diffusers: the file was no VAE, and
    baked it was a part of one."""
    converted = {}
    for name, tensor in small_kl().items():
        stem, _, kind = name.rpartition(".")
        before, _, last = stem.rpartition(".")
        if ".attn_1." in name and last != "norm":
            name = f"{before}.{dict(zip(('q', 'k', 'v', 'proj_out'), words, strict=True))[last]}.{kind}"
            tensor = tensor[:, :, 0, 0] if matrices and tensor.ndim == 4 else tensor
        converted[name] = tensor
    alone = save(tmp_path / "alone", small_kl())
    verdict = identify(save(tmp_path / "m", converted), references(alone))
    assert (verdict.kind, verdict.names, verdict.copies_of) == ("vae", "ldm", (str(alone),))
    assert verdict.shapes_id == identify(alone).shapes_id
    model = identify(save(tmp_path / "c", checkpoint("sd1", converted)), references(alone))
    assert model.baked and (model.baked.state, model.copies_of) == ("complete", (str(alone),))


def test_parts_of_a_model_are_told_as_such(tmp_path: Path) -> None:
    names = sorted(small_kl())
    for number, own in enumerate((names[:60], names[60:]), 1):
        part = {name: small_kl()[name] for name in own}
        verdict = identify(save(tmp_path / f"vae-0000{number}-of-00002.safetensors", part))
        assert (verdict.kind, verdict.error) == ("other", None)
        assert f"part {number} of 2" in verdict.reasons[0]
    whole = identify(save(tmp_path / "vae-00001-of-00002.safetensors", small_kl()))
    assert whole.kind == "vae"


def test_what_decides_whether_a_vae_fits(tmp_path: Path) -> None:
    vae = identify(save(tmp_path / "vae", small_kl()))
    baked = identify(save(tmp_path / "m", checkpoint("sd1", small_kl(3), "vae."))).baked
    assert baked is not None
    for one in (vae, baked):
        assert one.halves == ("encoder", "decoder") and one.image_channels == (3, 3) and one.middle_attention
    assert vae.shapes_id == baked.shapes_id and vae.latent_channels == 4
    half = {name: tensor for name, tensor in small_kl().items() if name.startswith("decoder.")}
    decoder = identify(save(tmp_path / "half", half))
    assert (decoder.halves, decoder.image_channels) == (("decoder",), (3,))
    wide = identify(save(tmp_path / "wide", small_kl(latent_channels=16)))
    assert wide.latent_channels == 16 and len({vae.shapes_id, decoder.shapes_id, wide.shapes_id}) == 3
    grey = small_kl() | {"encoder.conv_in.weight": small_kl()["encoder.conv_in.weight"][:, :1]}
    assert identify(save(tmp_path / "grey", grey)).image_channels == (1, 3)
    assert identify(tmp_path / "grey", probe=True).kind == "vae", "the probe's picture is of 3 channels"


def test_a_checkpoint_whose_unet_wants_another_latent(tmp_path: Path) -> None:
    unet = {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1, 32, 3, 3)}
    verdict = identify(save(tmp_path / "m", checkpoint("sdxl", small_kl()) | unet))
    assert (verdict.latent_space, verdict.certainty, verdict.latent_channels) == (None, Certainty.UNKNOWN, 32)


def test_of_two_names_for_one_tensor_the_ldm_name_counts(tmp_path: Path) -> None:
    """As in the web UI's own loader."""
    twice = small_kl() | {"decoder.conv_norm_out.weight": torch.full((32,), 7.0)}
    verdict, own = identify(save(tmp_path / "m", twice)), identify(save(tmp_path / "n", small_kl()))
    assert verdict.kind == "vae" and verdict.sketch_id == own.sketch_id


def test_number_formats_that_are_not_compared(tmp_path: Path) -> None:
    integers = {name: tensor.to(torch.int8) for name, tensor in small_kl().items()}
    verdict = identify(save(tmp_path / "m", integers))
    assert (verdict.kind, verdict.sketch_id, verdict.dtype) == ("vae", None, "i8")
    assert any("number format" in reason for reason in verdict.reasons)


def test_sparse_files_are_alike_to_nothing(tmp_path: Path) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in small_kl().items()}
    for name in ("a", "b"):
        sparse(tmp_path / name, shapes)
    known_vaes = References([Reference("a", sketch(examine(tmp_path / "a")), "sd1")])
    assert len(known_vaes) == 0
    verdict = identify(tmp_path / "b", known_vaes)
    assert verdict.kind == "vae" and verdict.copies_of == ()
    assert any("are zero" in reason for reason in verdict.reasons)


def sketch(found: Examination) -> Sketch:
    assert found.sketch is not None
    return found.sketch


def test_a_name_given_by_hand_goes_to_all_copies(tmp_path: Path) -> None:
    mine, copy = save(tmp_path / "mine", small_kl()), save(tmp_path / "copy", cast(small_kl(), torch.float16))
    known_vaes = references(mine)
    known_vaes.entitle(str(mine), "My favourite")
    for path in (mine, copy):
        assert identify(path, known_vaes).known_as == "My favourite"
    with pytest.raises(KeyError):
        known_vaes.entitle("nothing", "x")
    known_vaes.remove(str(mine))
    assert identify(copy, known_vaes).known_as is None


def test_a_merge_of_vaes_of_one_latent_space_is_of_that_space(tmp_path: Path) -> None:
    one, other, stranger = small_kl(1), small_kl(2), small_kl(3)
    models = [save(tmp_path / name, checkpoint("sd1", vae)) for name, vae in (("m1", one), ("m2", other))]
    known_vaes = references(*models, save(tmp_path / "stranger", stranger))
    verdict = identify(save(tmp_path / "merge", mixed(0.25, one, other)), known_vaes)
    assert (verdict.latent_space, verdict.certainty) == ("sd1", Certainty.CERTAIN)
    assert verdict.reasons[0] == "It is a merge of VAEs of SD1 and SD2."
    unsure = identify(save(tmp_path / "unsure", mixed(0.25, one, stranger)), known_vaes)
    assert unsure.relatives[0].relation == "merge" and unsure.latent_space is None


def test_merges_and_relatives_are_told(tmp_path: Path) -> None:
    one, other = small_kl(0), mixed(0.7, small_kl(0), small_kl(1))
    known_vaes = references(save(tmp_path / "one", one), save(tmp_path / "other", other))
    verdict = identify(save(tmp_path / "merge", mixed(0.25, one, other)), known_vaes)
    assert [it.relation for it in verdict.relatives] == ["merge", "similar", "similar"]
    text = f"It is a merge: 0.75 × {tmp_path / 'other'} + 0.25 × {tmp_path / 'one'}"
    assert verdict.relatives[0].text.startswith(text) and verdict.relatives[0].text in verdict.reasons
    finetuned = {name: tensor * (1 + 0.2 * torch.rand(tensor.shape)) for name, tensor in one.items()}
    assert any("no merge" in reason for reason in identify(save(tmp_path / "finetune", finetuned), known_vaes).reasons)


def test_evidence_of_the_file_itself(tmp_path: Path) -> None:
    guess = identify(save(tmp_path / "sdxl_vae.safetensors", small_kl()))
    assert (guess.latent_space, guess.certainty) == ("sdxl", Certainty.GUESS)
    metadata = {"modelspec.architecture": "stable-diffusion-v1/vae"}
    likely = identify(save(tmp_path / "sdxl_vae.safetensors", small_kl(), metadata=metadata))
    assert (likely.latent_space, likely.certainty) == ("sd1", Certainty.LIKELY)
    folder = tmp_path / "vae"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL", "scaling_factor": 0.13025}))
    beside = identify(save(folder / "diffusion_pytorch_model.safetensors", in_diffusers_names(small_kl())))
    assert (beside.latent_space, beside.certainty) == ("sdxl", Certainty.LIKELY)


def test_the_probe_runs_only_when_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "m", small_kl())
    assert not any("probe" in reason for reason in identify(path).reasons)
    assert any("probe did not tell" in reason and " s)" in reason for reason in identify(path, probe=True).reasons)
    decoder = {name: it for name, it in small_kl().items() if name.startswith(("decoder.", "post_quant_conv."))}
    verdict = identify(save(tmp_path / "d", decoder), probe=True)
    assert any("probe was not possible: This VAE has no encoder" in reason for reason in verdict.reasons)


def test_cancel_while_hashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "SMALL", 1000)

    def cancel(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        identify(save(tmp_path / "m", small_kl()), sha256="compute", progress=cancel)


def test_examinations_survive_a_database(tmp_path: Path) -> None:
    model = save(tmp_path / "model", checkpoint("sdxl", small_kl()))
    vae = save(tmp_path / "sdxl.vae.pt", cast(small_kl(), torch.float16))
    stored = []
    for path in (model, vae):
        found = examine(path)
        plain = json.loads(json.dumps(found.to_plain()))
        restored = Examination.from_plain(plain, Sketch.from_bytes(sketch(found).to_bytes()))
        assert restored.to_plain() == found.to_plain()
        stored.append(restored)
    known_vaes = References(reference for reference in map(taught, stored) if reference)
    again: Verdict = judge(stored[1], known_vaes)
    assert again == identify(vae, references(model))
    assert again.latent_space == "sdxl"


def test_certainty_is_ordered() -> None:
    order = [Certainty.UNKNOWN, Certainty.GUESS, Certainty.LIKELY, Certainty.CERTAIN]
    assert order == sorted(Certainty) and Certainty.GUESS < Certainty.LIKELY
    assert [str(certainty) for certainty in order] == ["unknown", "guess", "likely", "certain"]
