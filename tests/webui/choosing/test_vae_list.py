"""The list of VAE files, and the file that belongs to a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from modules import sd_models, sd_vae, shared

from tests.webui.world import World


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    """An empty VAE folder."""
    folder = tmp_path / "listed"
    folder.mkdir()
    shared.cmd_opts.vae_dir = str(folder)
    return folder


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    sd_vae.refresh_vae_list()


def listed(folder: Path) -> list[str]:
    return [name for name, path in sd_vae.vae_dict.items() if Path(path).is_relative_to(folder)]


def test_d18_files_of_one_name_are_all_listed(folder: Path) -> None:
    """One hid the other."""
    touch(folder, "x/vae zz.pt", "y/vae zz.pt", "y/only.pt")
    assert listed(folder) == ["only.pt", "x/vae zz.pt", "y/vae zz.pt"]
    assert sd_vae.vae_dict["x/vae zz.pt"] == str(folder / "x" / "vae zz.pt")


def test_d20_the_list_is_in_natural_order(folder: Path) -> None:
    touch(folder, "vae 10.pt", "VAE 9.safetensors", "vae 2.ckpt")
    assert listed(folder) == ["vae 2.ckpt", "VAE 9.safetensors", "vae 10.pt"]


def test_the_list_stays_the_object_that_others_hold(folder: Path) -> None:
    loaded = sd_vae.vae_dict
    touch(folder, "new.pt")
    assert sd_vae.vae_dict is loaded and "new.pt" in loaded


def test_a_plain_name_means_one_of_several(folder: Path, world: World) -> None:
    """A setting from before the second file came is still understood."""
    from vae_workbench.webui.choosing import vae_list

    touch(folder, "x/vae zz.pt", "y/vae zz.pt")
    assert vae_list.find("vae zz.pt") == str(folder / "x" / "vae zz.pt")
    assert vae_list.find("y/vae zz.pt") == str(folder / "y" / "vae zz.pt")
    assert vae_list.find(str(folder / "x" / "vae zz.pt")) is None


def test_a_file_that_came_since_is_found(folder: Path) -> None:
    from vae_workbench.webui.choosing import vae_list

    assert vae_list.find("late.pt") is None
    (folder / "late.pt").touch()
    assert vae_list.find("late.pt") == str(folder / "late.pt")


@pytest.mark.parametrize(
    "name", ["model-v2.vae.pt", "model2.safetensors", "modelling.ckpt", "model.v2.pt", "Xmodel.pt"]
)
def test_d19_a_longer_name_is_another_checkpoints(folder: Path, name: str) -> None:
    """``model.safetensors`` took ``model-v2.vae.pt`` from any folder."""
    touch(folder, name)
    assert sd_vae.find_vae_near_checkpoint("/models/model.safetensors") is None


@pytest.mark.parametrize(
    "name", ["model.vae.pt", "model.vae.safetensors", "model.VAE.ckpt", "model.pt", "in/model.safetensors"]
)
def test_the_same_name_is_the_checkpoints(folder: Path, name: str) -> None:
    touch(folder, name)
    assert sd_vae.find_vae_near_checkpoint("/models/model.ckpt") == str(folder / name)


def test_a_stem_with_dots_is_whole(folder: Path) -> None:
    touch(folder, "model.vae.pt", "model.v2.vae.pt")
    assert sd_vae.find_vae_near_checkpoint("/models/model.v2.safetensors") == str(folder / "model.v2.vae.pt")


def test_the_one_beside_the_checkpoint_comes_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkpoints = tmp_path / "ckpt"
    monkeypatch.setattr(sd_models, "model_path", str(checkpoints))
    touch(checkpoints, "model.safetensors", "model.vae.pt")
    touch(folder, "model.pt")
    assert sd_vae.find_vae_near_checkpoint(str(checkpoints / "model.safetensors")) == str(checkpoints / "model.vae.pt")


def test_a_name_that_is_not_utf8_is_listed_with_escapes(folder: Path) -> None:
    """No page and no answer of the API can hold such a name: the web UI's list of VAEs ended in an error as a whole."""
    from vae_workbench.webui.choosing import vae_list

    raw = b"caf\xe9.pt".decode("utf-8", "surrogateescape")
    touch(folder, raw, r"caf\xe9.pt", f"in/{raw}", "plain.pt")
    assert "\n".join(sd_vae.vae_dict).encode()
    shown = listed(folder)
    assert len(shown) == 4 and all("xe9" in name for name in shown if name != "plain.pt")
    for name in shown:
        assert vae_list.find(name) == sd_vae.vae_dict[name] and vae_list.name_of(sd_vae.vae_dict[name]) == name


def test_a_name_without_its_ending_or_in_another_case_is_understood(folder: Path) -> None:
    from vae_workbench.errors import InvalidInput
    from vae_workbench.webui.choosing import vae_list

    touch(folder, "One.safetensors", "two.vae.pt", "Three.pt", "three.ckpt")
    assert (
        vae_list.find("one")
        == vae_list.find("ONE.safetensors")
        == vae_list.find("One")
        == str(folder / "One.safetensors")
    )
    assert vae_list.find("two") == vae_list.find("TWO.VAE") == str(folder / "two.vae.pt")
    assert vae_list.find("Three") == str(folder / "Three.pt") and vae_list.find("THREE") is None
    with pytest.raises(InvalidInput, match="Several VAEs are called 'THREE'"):
        vae_list.file_called("THREE")
    with pytest.raises(InvalidInput, match="There is no VAE 'four'"):
        vae_list.file_called("four")


def test_sft_is_listed(folder: Path) -> None:
    """The web UI lists three endings alone."""
    touch(folder, "one.sft", "model.vae.sft")
    assert set(listed(folder)) == {"one.sft", "model.vae.sft"}
    assert sd_vae.find_vae_near_checkpoint("/models/model.safetensors") == str(folder / "model.vae.sft")
