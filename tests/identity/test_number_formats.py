from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from vae_workbench.identity.number_formats import FORMATS, Rounding

DTYPES = [
    torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e4m3fn, torch.float8_e4m3fnuz,
    torch.bfloat16, torch.float16, torch.float32,
]  # fmt: skip


@pytest.mark.parametrize(("form", "dtype"), zip(FORMATS, DTYPES, strict=True))
def test_formats_are_those_of_torch(form: object, dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    place = DTYPES.index(dtype)
    spread = (torch.randn(4000) * torch.logspace(-12, 1, 4000)).double()
    held = spread.float().to(dtype).double()
    kept = FORMATS[place].holds(spread.numpy())
    assert FORMATS[place].holds(held.numpy()).all()
    assert kept.mean() < 0.02 or dtype == torch.float32
    assert (held == spread).numpy()[kept].all()
    assert FORMATS[place].largest in (info.max, float("inf"))
    assert info.eps == 2.0 ** (1 - FORMATS[place].digits) or "fnuz" in str(dtype)
    off = np.abs((held - spread).numpy())
    assert (off <= FORMATS[place].spacings(held.numpy()) / 2).all(), "rounding moves by half of the spacing at most"


def rounding(*tensors: torch.Tensor) -> Rounding:
    values = torch.cat([tensor.double() for tensor in tensors]).numpy()
    return Rounding.of(values, np.repeat(np.arange(len(tensors)), [len(it) for it in tensors]), len(tensors))


def test_tensors_that_tell_nothing_go_with_the_others() -> None:
    """Ones and zeros fit into every format."""
    random, ones = torch.randn(16), torch.ones(16)
    assert rounding(random, ones).bound[16:].max() < 1e-7
    eighths = random.to(torch.float8_e4m3fn)
    assert rounding(eighths, ones).bound[16:].min() > 0.05
    assert rounding(ones, ones).name == "fp32"


def test_each_tensor_has_its_own() -> None:
    mixed = rounding(torch.randn(16), torch.randn(16).bfloat16(), torch.randn(16).half())
    assert [mixed.relative[place] for place in (0, 16, 32)] == pytest.approx([2**-24, 2**-8 + 2**-11, 2**-11], rel=0.01)


def test_values_of_any_size_give_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rounding(torch.tensor([3.4e38, 1e-45, 0.0, -1e-38]), torch.zeros(3))
