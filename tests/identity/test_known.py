from __future__ import annotations

import json

import pytest

from tests.identity.files import SHARED
from vae_workbench.identity.known import LATENT_SPACES, TABLE, by_sha256, known_vaes, space_of_file_name

MSE = "735e4c3a447a3255760d7f86845f09f937809baa529c17370d83e4c3758f3c75"


def test_by_sha256() -> None:
    found = by_sha256(MSE.upper())
    assert found is not None
    assert (found.name, found.latent_space) == ("vae-ft-mse-840000-ema-pruned", "sd1")
    assert by_sha256("0" * 64) is None


def test_rows_have_sources_and_hashes_are_whole_and_single() -> None:
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["rows"]
    assert len(rows) == len(known_vaes()) > 70
    assert all(row["sources"] for row in rows)
    hashes = [vae.sha256 for vae in known_vaes() if vae.sha256]
    assert len(hashes) == len(set(hashes)) > 50
    assert all(len(digest) == 64 and digest == digest.lower() for digest in hashes)
    assert {vae.latent_space for vae in known_vaes()} >= set(LATENT_SPACES.values())


def test_only_rows_that_were_seen_identify() -> None:
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["rows"]
    unsure = [row["sha256"] for row in rows if row["trust"] != "seen" and row.get("sha256")]
    assert unsure and not any(map(by_sha256, unsure))


def test_file_names_that_mean_one_latent_space() -> None:
    assert space_of_file_name("SDXL_VAE.safetensors") == "sdxl"
    assert space_of_file_name("diffusion_pytorch_model.safetensors") is None, "SD1, SDXL, SD3, Flux …"
    assert space_of_file_name("never seen") is None


@pytest.mark.skipif(not (SHARED / "data").exists(), reason="no shared data: the table was not compared with it")
def test_the_table_agrees_with_its_source() -> None:
    source = json.loads((SHARED / "data" / "known_vaes.json").read_text(encoding="utf-8"))["rows"]
    families = {row["sha256"]: row["family"] for row in source if row["sha256"] and row["trust"] == "seen"}
    assert {vae.sha256: vae.family for vae in known_vaes() if vae.sha256} == families
