"""All that is known of one file, as HTML."""

from __future__ import annotations

import re
from dataclasses import replace

from vae_workbench.identity.verdict import Certainty, Relative, Verdict
from vae_workbench.library.entry import Entry
from vae_workbench.ui.shared.file_details import MOST_COPIES, details
from vae_workbench.ui.shared.file_words import PICKLE, badges

VERDICT = Verdict(
    "v.pt", "vae", Certainty.LIKELY, ("First reason.", "Second reason."), "torch-zip", "kl-f8", "ldm", "fp16", "sdxl"
)
ENTRY = Entry("sub/v.pt", "/models/sub/v.pt", 167_335_342, 1, "f" * 16, VERDICT)


def test_it_tells_what_the_file_is_and_why() -> None:
    html = details(ENTRY, (PICKLE,), None)
    shown = re.sub("<[^>]*>", "|", html)
    for told in (
        "|sub/v.pt|",
        "|torch archive| · |/models/sub/v.pt|",
        "|SDXL| · |likely|",
        "|fp16| · |LDM names|",
        "|167 MB| · |fp16|",
    ):
        assert told in shown
    assert html.index("First reason.") < html.index("Second reason.")
    assert "pickle</b>: A torch file can hold programs" in html
    assert "sha256" not in html and "<img" not in html and "Copies" not in html


def test_a_fault_is_told_once_and_first() -> None:
    broken = replace(
        VERDICT, kind="broken", container="safetensors", error="1 tensor is missing.", reasons=("1 tensor is missing.",)
    )
    html = details(replace(ENTRY, verdict=broken), badges(replace(ENTRY, verdict=broken)), None)
    assert html.count("1 tensor is missing.") == 1
    assert "<p class='vaewb-message vaewb-error'><b>broken</b>: 1 tensor is missing.</p>" in html


def test_copies_and_relatives_are_listed_and_copies_can_be_opened() -> None:
    copies = tuple(f"copy {number}.pt" for number in range(MOST_COPIES + 3))
    verdict = replace(
        VERDICT, copies_of=copies, relatives=(Relative("a", "merge", 0.001, "It is a merge: 0.7 × a + 0.3 × b."),)
    )
    html = details(replace(ENTRY, verdict=verdict), (), None)
    assert html.count("data-vaewb-open") == MOST_COPIES
    assert "<li>and 3 more</li>" in html
    assert "It is a merge: 0.7 × a + 0.3 × b." in html


def test_the_sha256_and_the_picture_are_shown_once_known() -> None:
    html = details(replace(ENTRY, sha256="ab" * 32), (), "file=/tmp/t'.png")
    assert "ab" * 32 in html and "src='file=/tmp/t&#x27;.png'" in html


def test_nothing_from_a_file_becomes_html() -> None:
    evil = "<img src=x onerror='alert(1)'>"
    verdict = replace(
        VERDICT,
        architecture=evil,
        reasons=(evil,),
        known_as=evil,
        names=evil,
        dtype=evil,
        copies_of=(evil,),
        relatives=(Relative(evil, "similar", 0.1, evil),),
        error=evil,
        kind="broken",
    )
    html = details(Entry(evil, evil, 1, 1, "f" * 16, verdict, evil), badges(Entry(evil, evil, 1, 1, "", verdict)), evil)
    assert "<img src=x" not in html
    assert html.count("&lt;img src=x") >= 10
