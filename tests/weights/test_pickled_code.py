"""Pickles that name code: told, whatever else is wrong with them, and never run."""

from __future__ import annotations

import argparse
import collections
import datetime
import io
import pickle
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from fickling.analysis import Severity, check_safety
from fickling.fickle import StackedPickle
from picklescan.scanner import SafetyLevel, scan_file_path

from tests.weights.test_hostile import ATTACKS, FOREIGN, PICKLES, ZIPS, archive, program, saved, tensor, text
from vae_workbench.errors import FileProblem
from vae_workbench.weights.inventory import read_inventory
from vae_workbench.weights.pickled_code import HARMLESS, code_in_words

NAMES = {
    "os.system": "posix.system" if sys.platform != "win32" else "nt.system",
    "builtins.eval": "builtins.eval",
    "builtins.exec": "builtins.exec",
    "builtins.open": "io.open",
    "subprocess": "subprocess.check_call",
    "torch.load": "torch.serialization.load",
}


def code_of(path: Path, content: bytes) -> tuple[str, ...]:
    path.write_bytes(content)
    try:
        return read_inventory(path).code
    except FileProblem as problem:
        assert not problem.code or code_in_words(problem.code) in str(problem), "the sentence tells it too"
        return problem.code


@pytest.mark.parametrize("zipped", [True, False], ids=["torch-zip", "torch-legacy"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_trap_beside_weights(tmp_path: Path, attack: str, zipped: bool) -> None:
    value = {"state_dict": {"w": torch.ones(2), "trap": ATTACKS[attack]}, "more": [ATTACKS[attack]]}
    assert code_of(tmp_path / "m.ckpt", saved(value, zipped)) == (NAMES[attack],)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bare_pickle(tmp_path: Path, attack: str, protocol: int) -> None:
    """Also of the protocols 0 and 1, which are texts without a signature."""
    pickled = pickle.dumps(ATTACKS[attack], protocol)
    for content in (pickled, archive(pickled), pickled[:-1], pickled[:-1] + b"\xff"):
        assert NAMES[attack] in code_of(tmp_path / "m.pt", content)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pickle_that_begins_with_something_else(tmp_path: Path, attack: str, protocol: int) -> None:
    """Pickles of the text protocols were told as "a text" where the call did not come first: in a dictionary, or behind the
    numbers that torch writes first."""
    trapped = pickle.dumps({"state_dict": ATTACKS[attack]}, protocol)
    numbers = b"".join(pickle.dumps(value, protocol) for value in (0x1950A86A20F9469CFC6C, 1001, {"type": "x"}))
    for content in (trapped, trapped[:-1], numbers + trapped):
        assert NAMES[attack] in code_of(tmp_path / "m.pt", content)


def naming(*lines: str) -> bytes:
    """The instruction that names a class or function."""
    return b"c" + b"".join(line.encode() + b"\n" for line in lines)


SYSTEM = naming("os", "system")
HIDDEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "behind more instructions than are followed": (program(b"N0" * 400_000 + SYSTEM), "os.system"),
    "in a pickle that is too large": (program(SYSTEM + b"}" * (9 << 20)), "os.system"),
    "behind a text that is too long": (program(text("m" * 2000) + text("x") + b"\x93" + SYSTEM), "os.system"),
    "by remembered texts": (
        program(text("posix") + b"q\0" + text("system") + b"q\1" + b"00h\0h\1\x93"),
        "posix.system",
    ),
    "by an instance of old": (program(b"(ios\nsystem\n"), "os.system"),
    "by a dotted name": (program(text("torch") + text("_utils.sys.modules") + b"\x93"), "torch._utils.sys.modules"),
    "by a long name": (program(text("os") + text("path." * 200 + "os.system") + b"\x93"), "os." + "path." * 20 + "…"),
    "by more names than are kept": (
        program(b"".join(naming(f"m{number}", "f") for number in range(1500)) + SYSTEM),
        "os.system",
    ),
    "in the arguments of a rebuilding": (
        program(naming("torch._tensor", "_rebuild_from_type_v2") + b"(" + SYSTEM + naming("torch", "Size") + b")NtR"),
        "os.system",
    ),
    "as the class of a storage": (
        lambda: archive(b"\x80\x02" + tensor().replace(b"torch\nFloat", b"evil\nFloat")),
        "evil.FloatStorage",
    ),
    "as a pickle in a pickle": (program(naming("torch.storage", "_load_from_bytes")), "torch.storage._load_from_bytes"),
    "behind a harmless name": (
        program(naming("collections", "OrderedDict.__init__.__globals__")),
        "collections.OrderedDict.__init__.__globals__",
    ),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_hidden_code(tmp_path: Path, case: str) -> None:
    content, name = HIDDEN[case]
    assert name in code_of(tmp_path / "m.pt", content())


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """The callback of pytorch_lightning that most checkpoints of Stable Diffusion 1 carry."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = types.ModuleType(name)
    callback = type("ModelCheckpoint", (), {"__module__": name})
    module.ModelCheckpoint = callback  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, module)
    for parent in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    yield callback


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("zipped", [True, False], ids=["torch-zip", "torch-legacy"])
def test_what_honest_checkpoints_carry_is_no_code(tmp_path: Path, lightning: type, zipped: bool, protocol: int) -> None:
    """A warning on every checkpoint of 2022 would teach people to ignore warnings."""
    formats = (torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.float64, torch.bool, torch.float8_e4m3fn)
    weights = {str(kind): torch.ones(2).to(kind) for kind in formats}
    weights |= {
        "p": torch.nn.Parameter(torch.ones(2)),
        "s": torch.eye(2).to_sparse(),
        "m": torch.empty(2, device="meta"),
    }
    value = {
        "state_dict": collections.OrderedDict(weights),
        "callbacks": {lightning: lightning()},
        "loss": np.float64(0.5),
        "array": np.arange(3),
        "hyper": [argparse.Namespace(lr=1e-4), Path("x"), datetime.timedelta(1), collections.defaultdict(list), {1, 2}],
        "more": [
            complex(1, 2),
            frozenset({1}),
            b"bytes",
            bytearray(b"x"),
            range(3),
            torch.Size([1]),
            torch.device("cpu"),
        ],
    }
    buffer = io.BytesIO()
    torch.save(value, buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    assert code_of(tmp_path / "m.ckpt", buffer.getvalue()) == ()


@pytest.mark.parametrize("count", [1, 3, 4])
def test_code_in_words(count: int) -> None:
    words = code_in_words([f"os.f{number}" for number in range(count)])
    assert words == {1: "os.f0", 3: "os.f0, os.f1, os.f2", 4: "os.f0, os.f1, os.f2 and 1 more"}[count]


# The verdicts of other programs over the same files.

TRAPS = {f"trap: {name}": saved({"state_dict": {"w": torch.ones(2), "trap": trap}}) for name, trap in ATTACKS.items()}
BARE = {f"bare {how}: {name}": pickle.dumps(trap, how) for name, trap in ATTACKS.items() for how in (0, 2, 4)}
SLOW = {"behind more instructions than are followed", "in a pickle that is too large", "number of a megabyte"}
"""And zip bombs: what takes seconds in one of the others."""
HOSTILE = {
    name: content()
    for name, (content, *_) in (PICKLES | ZIPS | FOREIGN | HIDDEN).items()
    if name not in SLOW and "bomb" not in name
}
FILES = TRAPS | BARE | HOSTILE | {"honest": saved({"state_dict": {"w": torch.ones(2)}})}


@pytest.mark.parametrize("name", FILES)
def test_whatever_picklescan_calls_dangerous_is_told(tmp_path: Path, name: str) -> None:
    """And what we tell is never innocuous to it: it calls what it does not know suspicious."""
    path = tmp_path / "m.pt"
    code = code_of(path, FILES[name])
    try:
        named = scan_file_path(str(path)).globals
    except (OSError, EOFError, zipfile.BadZipFile):
        return  # it has no verdict on damaged archives
    dangerous = {found.name[:60] for found in named if found.safety == SafetyLevel.Dangerous}
    innocuous = {f"{found.module}.{found.name}" for found in named if found.safety == SafetyLevel.Innocuous}
    assert all(any(f".{item}" in told for told in code) for item in dangerous)
    assert not innocuous & set(code)


def fickling_severity(content: bytes) -> Severity | None:
    """What fickling thinks of a file, ``None`` where it cannot read it."""
    try:
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as zipped:
                content = zipped.read(next(name for name in zipped.namelist() if name.endswith("data.pkl")))
        return max(
            (check_safety(one).severity for one in StackedPickle.load(io.BytesIO(content))), key=lambda s: s.value
        )
    except Exception:  # noqa: BLE001  # it raises whatever it meets
        return None


MISSED_BY_FICKLING = {"behind a harmless name"}


@pytest.mark.parametrize("name", FILES)
def test_whatever_fickling_calls_malicious_is_told(tmp_path: Path, name: str) -> None:
    """And what we tell never counts as safe there. It calls damaged pickles unsafe too, also without code."""
    severity = fickling_severity(FILES[name])
    code = code_of(tmp_path / "m.pt", FILES[name])
    if severity is not None:
        assert code or severity.value < Severity.LIKELY_OVERTLY_MALICIOUS.value
        assert not code or name in MISSED_BY_FICKLING or severity.value > Severity.LIKELY_SAFE.value


def test_nothing_dangerous_is_listed_as_harmless(tmp_path: Path) -> None:
    """Every harmless name on its own, by the list of dangerous ones that picklescan keeps."""
    path = tmp_path / "m.pkl"
    path.write_bytes(
        b"".join(b"c%s\n%s\n" % tuple(part.encode() for part in name.rsplit(".", 1)) for name in HARMLESS) + b"."
    )
    named = scan_file_path(str(path)).globals
    assert len(named) == len(HARMLESS)
    assert [found.name for found in named if found.safety == SafetyLevel.Dangerous] == []
