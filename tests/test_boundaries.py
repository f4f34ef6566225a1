"""The house: who may import whom, and that importing does nothing."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vae_workbench"
FLOORS = {
    "beside": 0, "lazy_dataclass": 0, "printable": 0, "progress": 0, "words": 1, "errors": 1, "folder_lock": 2, "stored": 2,
    "targets": 2, "weights": 2, "autoencoder": 3, "identity": 4, "precision": 4, "library": 5,
    "choice": 6, "compare": 6, "edit": 6, "evaluate": 7, "ui": 8, "webui": 9, "standalone": 9, "cli": 9, "__main__": 10,
}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Absolute names of everything that a file imports, wherever in it."""
    package = module_name(path).split(".") if path.name == "__init__.py" else module_name(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *filter(None, [node.module])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def test_every_room_has_a_floor() -> None:
    rooms = {room(module_name(path)) for path in FILES} - {""}
    assert rooms <= set(FLOORS), "give the new room a floor"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_the_floors_only(path: Path) -> None:
    here = room(module_name(path))
    for name in imports(path):
        there = room(name) if name.startswith("vae_workbench.") else ""
        if there in FLOORS and there != here:
            assert FLOORS[there] < FLOORS.get(here, 0), f"{here} must not import {name}"


def test_no_module_is_part_of_an_import_cycle() -> None:
    """Imports inside of functions and for type checkers count too: who reads a module has to read what it imports."""
    modules = {module_name(path) for path in FILES}
    graph = {module_name(path): {name for name in imports(path) if name in modules} for path in FILES}
    for module, needed in graph.items():  # `from . import x` needs x alone, and not the package that it is from
        needed -= {name for name in needed if any(other.startswith(f"{name}.") for other in needed)} | {module}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_gradio_and_the_host_stay_in_their_rooms(path: Path) -> None:
    here = room(module_name(path))
    top_level = {name.split(".")[0] for name in imports(path)}
    assert "modules" not in top_level or here == "webui"
    assert "gradio" not in top_level or FLOORS[here] >= FLOORS["ui"]
    assert "pickle" not in top_level or here == "weights"


IMPORT_ALL = """
import logging, sys, threading
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
if "gradio" not in {blocked!r}:
    import gradio  # starts threads of its own
before = (list(sys.path), threading.active_count(), list(logging.getLogger("vae_workbench").handlers))
import importlib
for name in {names!r}:
    importlib.import_module(name)
assert before == (list(sys.path), threading.active_count(), list(logging.getLogger("vae_workbench").handlers))
"""


@pytest.mark.parametrize(
    ("blocked", "rooms"),
    [
        ({"modules", "gradio"}, {r for r, floor in FLOORS.items() if floor < FLOORS["ui"]} | {"cli"}),
        ({"modules"}, {"ui", "standalone"}),
    ],
)
def test_the_rooms_import_with_what_they_must_not_know_blocked(blocked: set[str], rooms: set[str]) -> None:
    """Proves it by running, and that importing starts no thread, handler or path entry."""
    names = [module_name(p) for p in FILES if room(module_name(p)) in rooms | {""} and p.name != "__main__.py"]
    code = IMPORT_ALL.format(blocked=blocked, names=names)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_scripts_holds_one_file() -> None:
    """The web UI executes every *.py in there."""
    assert [p.name for p in (ROOT / "scripts").glob("*.py")] == ["vae_workbench_script.py"]
