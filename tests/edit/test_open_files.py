"""Models in several parts, and what pickles held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.edit.files import made, metadata_of, same, saved
from tests.identity.files import save, small_kl
from vae_workbench.errors import DamagedFile, UnreadableFile
from vae_workbench.weights.inventory import read_inventory

STEM = "diffusion_pytorch_model"


def parts(folder: Path, twice: bool = False) -> list[Path]:
    names = sorted(small_kl())
    index, paths = {}, []
    for number, own in enumerate((names[:50], names[49 if twice else 50 :]), 1):
        paths.append(
            save(folder / f"{STEM}-{number:05d}-of-00002.safetensors", {name: small_kl()[name] for name in own})
        )
        index.update(dict.fromkeys(own, paths[-1].name))
    listing = folder / f"{STEM}.safetensors.index.json"
    listing.write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return [*paths, listing]


@pytest.mark.parametrize("which", range(3))
def test_any_part_or_the_index_gives_the_whole(tmp_path: Path, which: int) -> None:
    result = saved(parts(tmp_path)[which])
    assert same(load_file(result.path), small_kl())
    assert "It was put together from 2 parts." in result.notes


def test_missing_and_repeated_parts(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="Two parts of"):
        made(parts(tmp_path, twice=True)[0])
    parts(tmp_path)[1].unlink()
    with pytest.raises(UnreadableFile, match=r"1 of the 2 parts of .* are missing, as diffusion"):
        made(tmp_path / f"{STEM}.safetensors.index.json")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"weight_map": {}}', '{"weight_map": {"a": "../../etc/passwd"}}', "[" * 9999]
)
def test_an_index_that_is_none(tmp_path: Path, text: str) -> None:
    index = tmp_path / "x.safetensors.index.json"
    index.write_text(text)
    with pytest.raises(DamagedFile):
        made(index)


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("the trap was sprung",)


def test_code_in_a_pickle_is_told_and_left_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    torch.save({"state_dict": small_kl(), "trap": Trap(), "epoch": 7}, tmp_path / "vae.ckpt")
    result = saved(tmp_path / "vae.ckpt")
    assert any(
        "held code, which was neither run nor kept: its pickle named builtins.print" in it for it in result.notes
    )
    assert same(load_file(result.path), small_kl()) and metadata_of(result.path)["epoch"] == "7"
    assert "sprung" not in capsys.readouterr().out and not read_inventory(result.path).code
