"""The VAEs that can be chosen, with what the library knows of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.identity.files import checkpoint, small_kl
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.library.library import Library
from vae_workbench.library.places import library_in
from vae_workbench.ui.compare.vae_choices import VaeChoice, row, vae_choices


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A VAE, copies of it, another one, and what is no use."""
    folder = tmp_path / "files"
    folder.mkdir()
    tensors = small_kl(1)
    torch.save(tensors, folder / "a copy.pt")
    save_file(tensors, folder / "good.safetensors")
    save_file({name: value.half() for name, value in tensors.items()}, folder / "in fp16.safetensors")
    save_file(small_kl(2), folder / "other.safetensors")
    save_file(small_kl(3), folder / "coming.safetensors")
    (folder / "coming.safetensors.aria2").touch()
    save_file(small_kl(4), folder / "part-00001-of-00002.safetensors")
    (folder / "login.safetensors").write_text("<!DOCTYPE html><html><title>Log in</title></html>")
    (folder / "cut.safetensors").write_bytes((folder / "other.safetensors").read_bytes()[:-5000])
    save_file(checkpoint("sd1", {}), folder / "no vae.safetensors")
    return folder


@pytest.fixture
def library(files: Path, tmp_path: Path) -> Library:
    made = library_in(tmp_path)
    made.scan([files])
    return made


def candidates(files: Path) -> list[Candidate]:
    return [Candidate(path.name, path) for path in sorted(files.iterdir()) if path.suffix != ".aria2"]


def by_name(choices: list[VaeChoice]) -> dict[str, VaeChoice]:
    return {choice.name: choice for choice in choices}


def test_copies_are_listed_once_and_the_best_of_them(files: Path, library: Library) -> None:
    choices = by_name(vae_choices(candidates(files), library.collection(), None))
    assert choices["good.safetensors"].copies == ("in fp16.safetensors", "a copy.pt")
    assert "a copy.pt" not in choices and choices["other.safetensors"].copies == ()


def test_what_is_no_use_comes_last_with_the_reason(files: Path, library: Library) -> None:
    choices = vae_choices(candidates(files), library.collection(), None)
    no_use = [choice for choice in choices if choice.group == "unusable"]
    assert choices[-len(no_use) :] == no_use
    told = {choice.name: choice.why for choice in no_use}
    assert "download has not ended" in told["coming.safetensors"]
    assert "web page" in told["login.safetensors"]
    assert "no VAE" in told["no vae.safetensors"]
    assert told["cut.safetensors"]
    assert all(why.endswith(".") and why[0].isupper() for why in told.values())


def test_before_the_library_was_scanned_all_are_listed_by_name(files: Path, tmp_path: Path) -> None:
    choices = vae_choices(candidates(files), library_in(tmp_path / "empty").collection(), None)
    assert len(choices) == len(candidates(files)) and {choice.group for choice in choices} == {"usable"}
    assert row(choices[0], "")["unknown"] is True


def test_what_does_not_fit_the_checkpoint_is_apart(files: Path, library: Library, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    save_file(checkpoint("sd1", small_kl(5)), model)
    save_file(small_kl(6, 16), files / "sixteen.safetensors")
    library.scan([files])
    choices = by_name(vae_choices(candidates(files), library.collection(), library.entry(model)))
    assert (
        choices["sixteen.safetensors"].group == "other"
        and "does not fit model" in choices["sixteen.safetensors"].why.lower()
    )
    assert choices["good.safetensors"].group == "usable"
