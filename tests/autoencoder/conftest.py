"""What every test of the networks needs: fixed randomness, a quiet diffusers, the published files where they are at hand."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

SHARED = Path(os.environ.get("VAEWB_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.fixture(scope="session", autouse=True)
def _importing_diffusers_warns() -> None:
    """diffusers warns about the versions of its neighbours when imported, which is no business of these tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffusers  # noqa: F401


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def taesd_folder() -> Path:
    folder = SHARED / "data" / "taesd"
    if not folder.is_dir():
        pytest.skip(f"needs the TAESD files in {folder}")
    return folder


@pytest.fixture
def signatures() -> Path:
    path = SHARED / "data" / "signatures.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return path
