"""In plain words."""

from __future__ import annotations

from vae_workbench.precision.guard.report import Attempt, Report, gave_up

OVERFLOW, MEMORY = Attempt("fp16", "overflow"), Attempt("fp32", "memory")


def test_a_repair_in_one_line() -> None:
    report = Report("decoder", "nai.pt", "fp32", (OVERFLOW,), "decoder.up.1.block.0", 123456.0, "fp16 rescaled")
    assert report.repaired and report.sentence == (
        "The VAE's decoder failed: fp16 gave NaN or infinite values at decoder.up.1.block.0, which reached 1.23e+05. "
        "The picture was repaired in fp32, and this VAE now runs in fp16 rescaled."
    )


def test_without_a_failure() -> None:
    assert Report("encoder", "nai.pt", "fp16 rescaled").sentence == "The VAE ran in fp16 rescaled."


def test_what_fails_twice_alike_is_told_once() -> None:
    """A network that is fp32 already was tried, and then the file's own numbers: "fp32 gave NaN …" stood there twice."""
    twice = [Attempt("fp32", "overflow"), Attempt("fp32", "overflow", "first at decoder.conv_in")]
    told = str(gave_up("decoder", "v", twice, []))
    assert told.count("fp32 gave NaN or infinite values") == 1 and "first at decoder.conv_in" in told


def test_giving_up_says_what_to_do() -> None:
    assert str(gave_up("decoder", "v", [OVERFLOW, MEMORY], [])).endswith("Make a smaller picture, or free memory.")
    assert str(gave_up("decoder", "v", [OVERFLOW], [])).endswith("Choose another VAE.")
    assert "a and 1 more tensors hold NaN" in str(gave_up("encoder", "v", [OVERFLOW], ["a", "b"]))
