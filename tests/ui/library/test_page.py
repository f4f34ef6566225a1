"""What a VAE needs, shown and changed on the page "Library"."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from tests.small_vaes import save_small_kl
from tests.ui.workbenches import workbench
from vae_workbench.errors import InvalidInput
from vae_workbench.precision.plan import Evidence, HalfPlan, Plan, Plans, Precision
from vae_workbench.progress import Progress, silent
from vae_workbench.ui.library.page import LibraryPage

NAME = "own.safetensors"


@pytest.fixture
def plans(tmp_path: Path) -> Plans:
    return Plans(tmp_path / "data" / "plans.json")


@pytest.fixture
def page(tmp_path: Path, plans: Plans) -> LibraryPage:
    """The page, with one VAE that overflowed once."""
    (tmp_path / "vaes").mkdir()
    save_small_kl(tmp_path / "vaes" / NAME)
    bench = workbench(tmp_path / "data", tmp_path / "vaes", plans=plans)
    bench.library.scan(bench.library_folders())
    with gr.Blocks(analytics_enabled=False), gr.Tab("Library") as tab:
        built = LibraryPage.build(bench, tab)
    overflowed = HalfPlan(Precision.RESCALED, {"decoder.conv_in": 4}, evidence=(Evidence.now("decoder.mid", 1e5),))
    plans.keep(sketch_id(built), Plan(decoder=overflowed, repairs=1))
    return built


def sketch_id(page: LibraryPage) -> str:
    entry = page.workbench.library.collection().by_name(NAME)
    assert entry and entry.verdict.sketch_id
    return entry.verdict.sketch_id


def test_what_was_learned_is_shown(page: LibraryPage) -> None:
    details, *_, pinned = page._details(NAME)
    assert "fp16-unsafe" in details and "overflowed in fp16" in details and "repaired so far: 1" in details
    assert pinned == "auto"


def test_pinned_for_this_vae_alone(page: LibraryPage, plans: Plans) -> None:
    assert "pinned to fp32" in page._pin(silent, NAME, "fp32")
    *_, pinned = page._shown(NAME)
    assert pinned == "fp32"
    assert plans.of(sketch_id(page)).start("decoder") is Precision.FP32
    assert plans.of("another one").pinned == "auto"


def test_forgotten(page: LibraryPage, plans: Plans) -> None:
    assert "forgotten" in page._forget(silent, NAME) and plans.all() == {}
    assert "fp16-unsafe" not in page._details(NAME)[0]


def test_a_file_that_is_gone_is_told(page: LibraryPage, plans: Plans) -> None:
    before = plans.all()
    for name, sentence in (("gone.pt", r"gone\.pt is no longer there"), ("", "No VAE is chosen")):
        with pytest.raises(InvalidInput, match=sentence):
            page._pin(silent, name, "fp32")
        with pytest.raises(InvalidInput, match=sentence):
            page._forget(silent, name)
    assert plans.all() == before


def test_a_check_is_shown_until_the_file_changes(page: LibraryPage, tmp_path: Path) -> None:
    assert page._details(NAME)[4] == ""
    assert "was checked" in page._check(silent, NAME)
    assert "Its decoder fits into fp16" in page._details(NAME)[4]
    save_small_kl(tmp_path / "vaes" / NAME, seed=1)
    page.workbench.library.scan(page.workbench.library_folders())
    assert page._details(NAME)[4] == ""


def test_a_check_waits_for_the_device(page: LibraryPage) -> None:
    held: list[str] = []

    @contextlib.contextmanager
    def exclusive(_progress: Progress) -> Iterator[None]:
        held.append("in")
        yield
        held.append("out")

    def progress(_fraction: float, what: str) -> None:
        held.append(what.split(",")[0])

    replace(page, workbench=replace(page.workbench, exclusive=exclusive))._check(progress, NAME)
    assert held[0] == "in" and held[-1] == "out" and "decoding" in held


def test_a_check_of_a_file_that_is_gone(page: LibraryPage) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.pt is no longer there"):
        page._check(silent, "gone.pt")
