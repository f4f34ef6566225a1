"""``inspect``: what a file holds, by its header."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from ..printable import printable
from ..weights.inventory import Inventory, read_inventory
from ..weights.pickled_code import code_in_words
from .shared import DONE, command

LONGEST_VALUE = 300
"""Characters of a value of the metadata that people are shown."""


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    inspect = command(commands, "inspect", run, "container, metadata and tensors of a file, from its header alone")
    inspect.add_argument("file", type=Path)


def run(options: argparse.Namespace) -> int:
    inventory = read_inventory(options.file)
    print(json.dumps(_inventory_json(inventory), ensure_ascii=False) if options.json else _inventory_text(inventory))
    return DONE


def _inventory_json(inventory: Inventory) -> dict[str, Any]:
    return {
        "container": inventory.container,
        "metadata": dict(inventory.metadata),
        "wrapper": inventory.wrapper,
        "code": list(inventory.code),
        "tensors": {name: {"dtype": t.dtype, "shape": list(t.shape)} for name, t in inventory.tensors.items()},
    }


def _inventory_text(inventory: Inventory) -> str:
    values = sum(math.prod(tensor.shape) for tensor in inventory.tensors.values())
    under = f" under {inventory.wrapper}" if inventory.wrapper else ""
    count = f"{len(inventory.tensors)} tensors{under}, {values:,} values"
    lines = [f"{inventory.path}: {inventory.container}, {count}"]
    if inventory.code:
        lines.append(f"  It holds code, which was not run: its pickle names {code_in_words(inventory.code)}.")
    lines += [f"  {key} = {_shortened(value)}" for key, value in inventory.metadata.items()]
    names = {printable(name): tensor for name, tensor in inventory.tensors.items()}
    width = max(map(len, names), default=0)
    lines += [f"{name:{width}}  {t.dtype:8} {'×'.join(map(str, t.shape))}" for name, t in names.items()]
    return "\n".join(map(printable, lines))


def _shortened(value: str) -> str:
    more = len(value) - LONGEST_VALUE
    return f"{value[:LONGEST_VALUE]}… ({more:,} more characters)" if more > 0 else value
