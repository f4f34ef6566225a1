"""``python run.py bench [NAME ...]``: measures and prints; exit code 1 if a goal was missed."""

from __future__ import annotations

import importlib
import platform
import sys

GROUPS = (
    "weights",
    "autoencoder",
    "identity",
    "precision",
    "compare",
    "flip",
    "evaluate",
    "library",
    "workshop",
    "generations",
    "switch",
    "xyz_plot",
    "imports",
    "startup",
    "viewer",
    "tone_preview",
)


def main(names: list[str]) -> int:
    unknown = set(names) - set(GROUPS)
    if unknown:
        print(f"There is no group {', '.join(sorted(unknown))}. Name some of: {', '.join(GROUPS)}.", file=sys.stderr)
        return 2
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}\n")
    print("| figure | measured | goal | |\n|---|---|---|---|")
    missed = False
    for name in names or GROUPS:
        for figure in importlib.import_module(f"bench.{name}").figures():
            missed |= not figure.holds
            print(figure.row(), flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
