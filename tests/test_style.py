"""The style sheet: rules for what the pages show, and for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPOSED = {"vaewb-failed", "vaewb-head-size", "vaewb-of-1", "vaewb-warning"}
"""Names that stand in no source as they are: they end with a state, a kind or a number."""


def test_every_rule_is_of_something_that_there_is() -> None:
    style = re.sub(r"/\*.*?\*/", "", (ROOT / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    sources = [*(ROOT / "vae_workbench").rglob("*.py"), *(ROOT / "javascript").glob("*.js")]
    shown = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    named = set(re.findall(r"[.#](vaewb[\w-]*)", style))
    assert len(named) > 100
    assert sorted(name for name in named - COMPOSED if name not in shown) == []
