"""``inspect``: what a file holds, by its header."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from ..weights.inventory import Inventory, read_inventory
from .shared import DONE, command


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
        "tensors": {name: {"dtype": t.dtype, "shape": list(t.shape)} for name, t in inventory.tensors.items()},
    }


def _inventory_text(inventory: Inventory) -> str:
    values = sum(math.prod(tensor.shape) for tensor in inventory.tensors.values())
    lines = [f"{inventory.path}: {inventory.container}, {len(inventory.tensors)} tensors, {values:,} values"]
    lines += [f"  {key} = {value}" for key, value in inventory.metadata.items()]
    width = max(map(len, inventory.tensors), default=0)
    lines += [f"{name:{width}}  {t.dtype:8} {'×'.join(map(str, t.shape))}" for name, t in inventory.tensors.items()]
    return "\n".join(lines)
