"""``dataclass`` that writes its methods when the first object is made, and not while its module is imported.

Writing them is most of what importing a module of dataclasses costs, and the start of a program imports many of which it
makes no object for a long time.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_FIELDS = "__dataclass_fields__"
"""Where ``dataclasses`` keeps the fields of a class, and looks for those of its bases."""

_writing = threading.RLock()


class _Unwritten:
    """Stands in a class for its fields until somebody asks for them."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write

    def __get__(self, _instance: object, owner: type) -> object:
        self._write()
        return getattr(owner, _FIELDS)


def _lazy_dataclass(cls: type | None = None, /, **options: bool) -> Any:
    """As :func:`dataclasses.dataclass`, but for ``slots``, which would need another class.

    The methods are written before the first object is there, whether it is made, copied or unpickled, and before fields are
    looked up, as :func:`dataclasses.fields` and derived dataclasses do. Safe for threads.
    """
    if cls is None:
        return lambda cls: _lazy_dataclass(cls, **options)

    def write() -> None:
        with _writing:
            if isinstance(cls.__dict__[_FIELDS], _Unwritten):
                dataclasses.dataclass(**options)(cls)
                # Last: until all is written, other threads wait in the one before.
                cls.__new__ = staticmethod(_new)  # type: ignore[method-assign]

    def write_and_new(made: Any, /, *_arguments: object, **_named: object) -> Any:
        write()
        return object.__new__(made)

    cls.__new__ = write_and_new  # type: ignore[method-assign]
    setattr(cls, _FIELDS, _Unwritten(write))
    return cls


def _new(made: Any, /, *_arguments: object, **_named: object) -> Any:
    """As a class without ``__new__`` makes its objects, to which CPython does not return once it had one."""
    return object.__new__(made)


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _lazy_dataclass
