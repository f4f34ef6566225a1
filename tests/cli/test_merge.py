from __future__ import annotations

from pathlib import Path

from tests.cli.files import Output, refused, told
from tests.identity.files import save, small_kl


def test_weights_and_blocks(tmp_path: Path, capsys: Output) -> None:
    a, b, c = (save(tmp_path / f"{seed}.safetensors", small_kl(seed)) for seed in range(3))
    out = ["--out", tmp_path / "m.safetensors", "--force"]
    result = told(capsys, "merge", a, b, "--weights", 0.3, 0.7, "--block", "encoder=0.2, decoder.up.3=0.5", *out)
    assert result["done"][0]["weights"] == [0.3, 0.7]
    assert result["done"][0]["blocks"] == {"encoder": 0.2, "decoder.up.3": 0.5}
    assert told(capsys, "merge", a, b, c, "--method", "add-difference", "--weights", 0.5, *out)["done"][0][
        "weights"
    ] == [
        1.0,
        0.5,
        -0.5,
    ]
    assert "is no weight of a block" in refused(capsys, "merge", a, b, "--block", "encoder", *out)
    assert "2 weights that add up to 1.5" in refused(capsys, "merge", a, b, "--weights", 0.5, 1, *out)
    assert "1 VAEs cannot be merged" in refused(capsys, "merge", a, *out)
