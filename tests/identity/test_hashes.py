from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.identity.files import TAESD
from vae_workbench.errors import UnreadableFile
from vae_workbench.identity.hashes import SMALL, sha256_of, sha256_of_small
from vae_workbench.identity.identify import identify


def test_hashing(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    (tmp_path / "m").write_bytes(content)
    told: list[float] = []
    assert (
        sha256_of(tmp_path / "m", lambda fraction, what: told.append(fraction)) == hashlib.sha256(content).hexdigest()
    )
    assert told == sorted(told) and len(told) == 3
    with pytest.raises(UnreadableFile):
        sha256_of(tmp_path / "missing")


def test_small_files_only(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"x")
    assert sha256_of_small(tmp_path / "m", 1) == hashlib.sha256(b"x").hexdigest()
    assert sha256_of_small(tmp_path / "m", SMALL + 1) is None
    assert sha256_of_small(tmp_path / "missing", 1) is None


@pytest.mark.skipif(not TAESD.exists(), reason="no shared data: the published tiny autoencoders were not named")
@pytest.mark.parametrize(
    ("name", "space"), [("taesd_decoder", "sd1"), ("taesdxl_decoder", "sdxl"), ("taesdxl_encoder", "sdxl")]
)
def test_a_renamed_tiny_autoencoder_is_named(tmp_path: Path, name: str, space: str) -> None:
    """TAESD and TAESDXL have the same names and shapes, and a comparison took one for the other."""
    (published,) = TAESD.rglob(f"{name}.safetensors")
    (tmp_path / "my tiny one.safetensors").write_bytes(published.read_bytes())
    verdict = identify(tmp_path / "my tiny one.safetensors")
    assert (verdict.known_as, verdict.latent_space, str(verdict.certainty)) == (name, space, "certain")
