"""Drawing the thumbnails of a library, and serving them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import torch
from safetensors.torch import save_file

import vae_workbench.library.thumbnail as thumbnail_module
from tests.identity.files import cast, small_kl
from vae_workbench.choice.preference_store import store_in
from vae_workbench.errors import Cancelled
from vae_workbench.library.library import Library
from vae_workbench.progress import Progress, silent
from vae_workbench.ui.library.thumbnails import BACKGROUND, Thumbnails, draw_thumbnails
from vae_workbench.ui.workbench import Workbench


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two VAEs, one of them twice, an encoder alone, and a broken one."""
    folder = tmp_path / "models"
    folder.mkdir()
    tensors = small_kl(0)
    save_file(tensors, folder / "a.safetensors")
    save_file(tensors, folder / "a again.safetensors", {"note": "another header"})
    save_file(cast(small_kl(1), torch.float16), folder / "b.safetensors")
    encoder = {name: tensor for name, tensor in small_kl(2).items() if name.startswith(("encoder.", "quant_conv."))}
    save_file(encoder, folder / "encoder.safetensors")
    del tensors["decoder.conv_out.bias"]
    save_file(tensors, folder / "broken.safetensors")
    return folder


@pytest.fixture
def held() -> list[str]:
    """What was done with the device held."""
    return []


@pytest.fixture
def workbench(tmp_path: Path, models: Path, held: list[str]) -> Workbench:
    @contextlib.contextmanager
    def exclusive(progress: Progress) -> Iterator[None]:
        held.append("taken")
        yield
        held.append("given back")

    library = Library(tmp_path / "library.sqlite", tmp_path / "names.json")
    library.scan([models])
    return Workbench(
        list_vaes=list,
        vae_folders=lambda: str(models),
        device=lambda: torch.device("cpu"),
        exclusive=exclusive,
        library=library,
        library_folders=lambda: [models],
        preferences=store_in(tmp_path),
    )


def test_they_are_drawn_by_themselves_each_tried_once(workbench: Workbench) -> None:
    thumbnails = Thumbnails(workbench.library, str)
    assert thumbnails.draw_in_background(workbench), "some are to come"
    for job in workbench.jobs.running(BACKGROUND):
        assert job.wait(60)
    assert not thumbnails.draw_in_background(workbench), "what cannot be drawn is not tried for ever"
    assert len(workbench.library.thumbnails()) == 2


def test_none_is_drawn_while_something_else_is_done(workbench: Workbench) -> None:
    busy = replace(workbench, idle=lambda: False)
    assert Thumbnails(busy.library, str).draw_in_background(busy), "they are still to come"
    assert not busy.jobs.running(BACKGROUND) and not busy.library.thumbnails()


def test_every_look_is_drawn_once_in_small_steps(workbench: Workbench, held: list[str]) -> None:
    drawn, faults = draw_thumbnails(workbench, silent)
    assert drawn == 2
    (fault,) = faults
    assert fault.startswith("encoder.safetensors") and fault.count("encoder.safetensors") == 1
    assert held == ["taken", "given back", "taken", "given back", "taken"]
    assert draw_thumbnails(workbench, silent)[0] == 0, "they are kept"


def test_one_that_fails_unforeseen_fails_alone(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One VAE that torch did not like ended the drawing of all that came after it."""
    drawing = thumbnail_module.thumbnail

    def fails_once(path: str, *options: Any, **more: Any) -> bytes:
        if "a" in Path(path).stem:
            raise RuntimeError("The size of tensor a (12) must match")
        return drawing(path, *options, **more)

    monkeypatch.setattr(thumbnail_module, "thumbnail", fails_once)
    drawn, faults = draw_thumbnails(workbench, silent)
    assert drawn == 1
    assert any("The size of tensor a (12) must match" in fault for fault in faults)


def test_what_was_drawn_before_a_cancel_is_kept(workbench: Workbench) -> None:
    def stop(fraction: float, what: str) -> None:
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        draw_thumbnails(workbench, stop)
    assert len(workbench.library.thumbnails()) == 1
    assert draw_thumbnails(workbench, silent)[0] == 1


def test_the_browser_finds_them_also_after_temporary_files_were_cleared(workbench: Workbench, tmp_path: Path) -> None:
    places = iter(tmp_path / f"served {number}" for number in range(9))

    def serve(path: Path) -> str:
        return str(shutil.copytree(path.parent, next(places)) / path.name)

    thumbnails = Thumbnails(workbench.library, serve)
    vaes = workbench.library.collection().vaes
    assert thumbnails.addresses(vaes) == {}
    draw_thumbnails(workbench, silent)
    addresses = thumbnails.addresses(vaes)
    assert {Path(path).name for path in addresses} == {"a.safetensors", "a again.safetensors", "b.safetensors"}
    assert len(set(addresses.values())) == 2, "copies share theirs"
    assert thumbnails.addresses(vaes) == addresses
    for address in set(addresses.values()):
        place = Path(unquote(address.removeprefix("file=")))
        assert place.read_bytes().startswith(b"\x89PNG")
        shutil.rmtree(place.parent)
    assert set(thumbnails.addresses(vaes).values()).isdisjoint(addresses.values())
