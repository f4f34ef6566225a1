"""Several machines, through Ray."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.evaluate.small import job, known, pictures
from vae_workbench.errors import InvalidInput
from vae_workbench.evaluate.compute import compute
from vae_workbench.evaluate.evaluation import begin

HAS_RAY = importlib.util.find_spec("ray") is not None


@pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: nothing was computed with it")
@pytest.mark.filterwarnings("ignore")  # of Ray itself
def test_ray_gives_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_workbench.evaluate.evaluation.batch_size", lambda size, device: 2)
    made, root = job(tmp_path / "vaes", 1), pictures(tmp_path / "p", 5)
    (root / "broken.png").write_bytes(b"nonsense")
    one, ray = (begin(root, made, tmp_path / name) for name in ("one", "ray"))
    compute(one, workers=1)
    compute(ray, ray="local")
    assert known(one.results()) == known(ray.results())


@pytest.mark.skipif(HAS_RAY, reason="Ray is installed")
def test_without_ray_it_is_told_how_to_get_it(tmp_path: Path) -> None:
    evaluation = begin(pictures(tmp_path / "p", 1), job(tmp_path / "vaes", 1), tmp_path / "o")
    with pytest.raises(InvalidInput, match=r"pip install .*ray"):
        compute(evaluation, ray="local")
