from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.identity.files import cast, in_diffusers_names, prefixed, save, small_kl
from vae_workbench.errors import Cancelled
from vae_workbench.identity.toolkit_metric import ORIGINAL, metric_of, probably, toolkit_metric


def test_the_sum_over_encoder_and_decoder(tmp_path: Path) -> None:
    weights = [
        it.half().double().flatten() for name, it in small_kl().items() if name.startswith(("encoder.", "decoder."))
    ]
    expected = metric_of(float(torch.cat(weights).sigmoid().sub(0.5).sum()))
    vae = save(tmp_path / "vae", small_kl())
    copy = save(tmp_path / "copy", cast(in_diffusers_names(small_kl()), torch.float16), "torch-zip")
    baked = save(tmp_path / "baked", prefixed(small_kl(), "first_stage_model.") | {"model.w": torch.ones(9)})
    assert [toolkit_metric(path) for path in (vae, copy, baked)] == pytest.approx([expected] * 3, abs=1)
    assert toolkit_metric(save(tmp_path / "other", {name: 2 * it for name, it in small_kl().items()})) != expected


def test_four_digits_that_lose_the_sign() -> None:
    assert metric_of(ORIGINAL) == 0
    assert metric_of(ORIGINAL * 1.1234501) == metric_of(ORIGINAL * 0.8765499) == 1234


def test_who_it_may_be() -> None:
    assert [vae.name for vae in probably(2983)] == ["NAI animevae / Anything-V3.0.vae / orangemix"]
    assert [vae.name for vae in probably(0)] == ["kl-f8 original as in SD 1.x"]
    assert probably(5000) == ()


def test_cancel(tmp_path: Path) -> None:
    def cancel(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        toolkit_metric(save(tmp_path / "m", small_kl()), cancel)
