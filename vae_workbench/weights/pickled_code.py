"""The code that a pickle names: whatever it would call in a careless program, beyond the rebuilding of tensors.

What is harmless is listed, and everything else counts as code: a list of what is dangerous is never complete.
"""

from __future__ import annotations

import re
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import FileProblem
from .dtypes import TORCH_NAMES, TORCH_STORAGES
from .pickle import PickleMachine

_BUILTINS = (
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
    "slice", "str", "tuple",
)  # fmt: skip

_REBUILD = (
    "device_tensor_from_cpu_tensor", "device_tensor_from_numpy", "meta_tensor_no_storage", "nested_tensor", "parameter",
    "parameter_with_state", "qtensor", "sparse_csr_tensor", "sparse_tensor", "tensor", "tensor_v2", "tensor_v3",
    "wrapper_subclass", "xla_tensor",
)  # fmt: skip

_NUMPY = ("_reconstruct", "scalar")

HARMLESS = frozenset(
    [
        *(f"builtins.{name}" for name in _BUILTINS),
        *(f"torch._utils._rebuild_{name}" for name in _REBUILD),
        *(f"{module}.{name}" for module in ("torch", "torch.cuda") for name in TORCH_STORAGES),
        *(f"torch.{name}" for name in TORCH_NAMES.values()),
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in _NUMPY),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
        *("numpy.dtype", "numpy.ndarray", "_codecs.encode"),
        *("collections.OrderedDict", "collections.defaultdict", "collections.Counter"),
        *("copyreg._reconstructor",),
        *("torch.Size", "torch.Tensor", "torch.device", "torch._tensor._rebuild_from_type_v2"),
        *("torch.storage.UntypedStorage", "torch.storage.TypedStorage", "torch.storage._UntypedStorage"),
        *("torch.ComplexDoubleStorage", "torch.serialization._get_layout"),
        *("torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer", "torch.nn.modules.container.ParameterDict"),
        *("torch.per_tensor_affine", "torch.per_channel_affine", "torch.quint8", "torch.qint8", "torch.qint32"),
        # Settings and counters that training programs keep in checkpoints: classes that only hold values.
        *("argparse.Namespace", "datetime.datetime", "datetime.timedelta", "typing.Any"),
        *("pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath"),
        *("omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig", "omegaconf.nodes.AnyNode"),
        *("omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata"),
        *("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",),
        *("pytorch_lightning.callbacks.early_stopping.EarlyStopping",),
        *("pytorch_lightning.utilities.parsing.AttributeDict",),
    ]
)
"""Names that build values and cannot do anything else: those that torch itself allows (``torch/_weights_only_unpickler.py``),
those that the web UI allows (``modules/safe.py``), and a few classes of training programs."""

_PLAIN_NAME = rb"([A-Za-z_][A-Za-z0-9_.]{0,99})"
_SHORT_TEXT = rb"(?:\x8c.|X.\0\0\0|\x8d.\0{7})" + _PLAIN_NAME + rb"(?:\x94|q.|r....)?"
_NAMING = re.compile(
    rb"[ci]" + _PLAIN_NAME + rb"\n" + _PLAIN_NAME + rb"\n|" + _SHORT_TEXT + _SHORT_TEXT + rb"\x93", re.DOTALL
)
"""How pickles name a class or function: GLOBAL and INST in two lines, STACK_GLOBAL behind two texts."""

KNOWN_MODULES = sys.stdlib_module_names | IMPORT_MAPPING.keys() | {"torch", "numpy"}
"""Modules whose names hardly come up by chance in other bytes."""

MOST_FOUND = 1000
"""Names that are told of a pickle that cannot be followed."""

MOST_IN_WORDS = 3


def code_among(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are not known to be harmless, in their order, as Python 3 calls them."""
    return tuple(name for name in dict.fromkeys(map(_present, names)) if name not in HARMLESS)


def _present(name: str) -> str:
    """Protocols below 3 use the names of Python 2, ``__builtin__.eval``; pickle translates them, and so do we."""
    module, _, item = name.rpartition(".")
    module, item = NAME_MAPPING.get((module, item), (IMPORT_MAPPING.get(module, module), item))
    return f"{module}.{item}"


def code_in_words(code: Sequence[str]) -> str:
    """The names for a sentence: ``posix.system, builtins.eval and 3 more``."""
    more = len(code) - MOST_IN_WORDS
    return ", ".join(code[:MOST_IN_WORDS]) + (f" and {more} more" if more > 0 else "")


@contextmanager
def naming_code(pickles: PickleMachine) -> Iterator[None]:
    """Adds the code that the pickles name to a :class:`FileProblem`, so that a hostile file is told as one.

    Where a pickle cannot be followed to its end, the rest of its bytes is searched for names too.
    """
    try:
        yield
    except FileProblem as problem:
        code = code_among((*pickles.names, *({} if pickles.ended else _names_in(bytes(pickles.data)))))
        if not code:
            raise
        what = f"{problem.what}. Its pickle names code, which was not run: {code_in_words(code)}"
        raise type(problem)(problem.path, what, "Delete it, unless you trust where it is from", code) from problem


def _names_in(data: bytes) -> dict[str, None]:
    found: dict[str, None] = {}
    for match in _NAMING.finditer(data):
        name = b".".join(filter(None, match.groups())).decode()
        if name.partition(".")[0] in KNOWN_MODULES and code_among([name]):  # other finds may be parts of a text
            found[name] = None
            if len(found) >= MOST_FOUND:
                break
    return found
