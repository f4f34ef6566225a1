"""What a scan found, in sentences."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.identity.files import checkpoint, small_kl
from tests.ui.workbenches import workbench
from vae_workbench.identity.relatives.references import References
from vae_workbench.identity.verdict import Certainty, Verdict
from vae_workbench.library.collection import Collection
from vae_workbench.library.entry import Entry
from vae_workbench.progress import silent
from vae_workbench.ui.shared.scan import MOST_COMPLAINTS, MOST_RELATED, can_be_related, files_line, first_scan, scan


def test_it_counts_what_there_is(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    save_file(small_kl(0), folder / "a.safetensors")
    save_file(small_kl(1), folder / "b.safetensors")
    save_file(checkpoint("sd1", {}), folder / "model.safetensors")
    made = workbench(tmp_path, folder)
    assert "not looked through yet" in files_line(made)
    assert "2 VAE files, 1 checkpoint. 3 of 3 were new or changed" in scan(made, silent)
    save_file({"x": torch.zeros(1)}, folder / "other.safetensors")
    assert "3 of 3 were new" in first_scan(made, silent), "there was a scan already"
    told = scan(made, silent)
    assert "2 VAE files, 1 checkpoint, 1 other file. 1 of 4 were new or changed" in told
    assert "Neither VAEs for pictures nor checkpoints: other.safetensors." in told, "it is in no table"


def test_complaints_are_told_but_not_hundreds(tmp_path: Path) -> None:
    made = workbench(tmp_path, *(tmp_path / f"missing <{number}>" for number in range(MOST_COMPLAINTS + 2)))
    html = first_scan(made, silent)
    assert html.count("role='alert'") == MOST_COMPLAINTS + 1
    assert "missing &lt;0&gt; cannot be read" in html and "And 2 more complaints." in html


def test_hundreds_of_vaes_are_not_compared_with_each_other_while_somebody_waits() -> None:
    verdict = Verdict("v", "vae", Certainty.UNKNOWN, ())
    few, many = (
        Collection(tuple(Entry(str(n), f"/{n}", 1, 1, "", verdict) for n in range(count)), {}, References())
        for count in (MOST_RELATED, MOST_RELATED + 1)
    )
    assert can_be_related(few) and not can_be_related(many)
