"""What a check found, in words and bars."""

from __future__ import annotations

import base64
import io
import math
import re

from PIL import Image

from vae_workbench.library.file_check import FileCheck
from vae_workbench.precision.check import HalfCheck, Stage
from vae_workbench.precision.plan import Precision
from vae_workbench.ui.library.check_words import check_html

ENCODER = HalfCheck("encoder", (Stage("encoder.conv_in", 20.0, 3275.2),), Precision.FP16, None, None)
STAGES = (Stage("decoder.conv_in", 655.04, 100.0), Stage("decoder.mid", 131008.0, 0.5))


def decoder(needs: Precision = Precision.RESCALED, not_finite_at: str | None = None) -> HalfCheck:
    return HalfCheck("decoder", STAGES, needs, "decoder.mid", not_finite_at)


def told(check: FileCheck) -> list[str]:
    """The sentences, in order."""
    return re.findall(r"<p class='vaewb-message [^>]*>(.*?)</p>", check_html("a.pt", check))


def test_a_vae_that_fits() -> None:
    assert told(FileCheck((), (ENCODER,))) == [
        "Its encoder fits into fp16: the largest activation is 20 at encoder.conv_in, 3.28e+03 times below the limit."
    ]


def test_what_overflows_is_told_first_and_what_to_do() -> None:
    first, second = told(FileCheck((), (ENCODER, decoder())))
    assert first.startswith(
        "Its decoder overflows in fp16, first at decoder.mid, which reaches 1.31e+05. fp16 rescaled"
    )
    assert second.startswith("Its encoder fits")
    assert "It needs fp32" in told(FileCheck((), (decoder(Precision.FP32),)))[0]


def test_what_no_precision_helps() -> None:
    sentences = told(FileCheck(("decoder.mid.w", "x", "y"), (decoder(Precision.FP32, "decoder.mid.block_1"),)))
    assert sentences == [
        "The file is damaged: decoder.mid.w and 2 more tensors hold NaN or infinite weights. Choose another copy of it.",
        "Its decoder gives NaN or infinite values even in fp32, first at decoder.mid.block_1. No precision helps; "
        "choose another VAE.",
    ]


def test_bars_that_overflow_cross_the_line() -> None:
    html = check_html("a.pt", FileCheck((), (decoder(),)))
    limit = float(re.findall(r"--vaewb-limit:([\d.]+)", html)[0])
    shares = [float(share) for share in re.findall(r"--vaewb-share:([\d.]+)", html)]
    assert shares[0] < limit < shares[1] and html.count("class='vaewb-over'") == 1


def test_a_stage_that_is_not_finite_is_drawn_all_the_same() -> None:
    broken = HalfCheck("decoder", (Stage("decoder.mid", math.inf, 0.0),), Precision.FP32, "decoder.mid", "decoder.mid")
    assert "<b>inf</b>" in check_html("a.pt", FileCheck((), (broken,)))


def test_the_chart_can_be_saved_under_the_files_name() -> None:
    html = check_html("<b>'x'.pt", FileCheck((), (decoder(),)))
    assert "download='&lt;b&gt;&#x27;x&#x27;.pt in fp16.png'" in html
    png = base64.b64decode(re.findall(r"base64,([^']+)'", html)[0])
    with Image.open(io.BytesIO(png)) as chart:
        assert chart.format == "PNG"
