"""Dataclasses whose methods are written late are the same to everybody who uses them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vae_workbench.lazy_dataclass import _lazy_dataclass as lazy

ROOT = Path(__file__).resolve().parents[1]


def _pair(decorate):
    @decorate(frozen=True)
    class Point:
        """A point."""

        x: int
        y: int = 3
        tags: tuple[str, ...] = dataclasses.field(default=(), compare=False)

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("x is negative")

    @decorate(frozen=True)
    class Named(Point):
        """A point with a name."""

        name: str = ""

    return Point, Named


@pytest.fixture
def pair():
    return _pair(lazy)


def test_nothing_is_written_before_it_is_needed(pair) -> None:
    point, named = pair
    assert "__init__" not in point.__dict__
    named(1)
    assert "__init__" in named.__dict__
    assert "__init__" in point.__dict__


def test_objects_are_as_those_of_a_dataclass(pair) -> None:
    for lazily, eager in zip(pair, _pair(dataclasses.dataclass), strict=True):
        ours, theirs = lazily(1, tags=("a",)), eager(1, tags=("a",))
        assert repr(ours).split(".")[-1] == repr(theirs).split(".")[-1]
        assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
        assert hash(ours) == hash(theirs)
        assert ours == lazily(1)
        assert ours != lazily(2)
        assert dataclasses.replace(ours, x=5) == lazily(5)
        assert lazily.__match_args__ == eager.__match_args__
        with pytest.raises(dataclasses.FrozenInstanceError):
            ours.x = 2
        with pytest.raises(ValueError, match="negative"):
            lazily(-1)
        for arguments in ((), (1, 2, 3, 4, 5)):
            with pytest.raises(TypeError) as told:
                lazily(*arguments)
            with pytest.raises(TypeError) as expected:
                eager(*arguments)
            assert str(told.value) == str(expected.value)


def test_fields_are_there_before_any_object(pair) -> None:
    assert dataclasses.is_dataclass(pair[1])
    assert [field.name for field in dataclasses.fields(_pair(lazy)[1])] == ["x", "y", "tags", "name"]


def test_a_dataclass_may_derive_from_it(pair) -> None:
    derived = dataclasses.dataclass(frozen=True)(
        type("Derived", (pair[0],), {"__annotations__": {"z": "int"}, "z": 0, "__module__": __name__})
    )
    assert [field.name for field in dataclasses.fields(derived)] == ["x", "y", "tags", "z"]
    assert derived(1, z=2).z == 2


def test_a_plain_class_may_derive_from_it(pair) -> None:
    plain = type("Plain", (pair[0],), {})
    assert plain(1) == plain(1)
    assert type(copy.copy(plain(1))) is plain


@lazy(frozen=True)
class Pickled:
    """Unpickled before this process has made one."""

    x: int


def test_what_is_unpickled_has_all_methods() -> None:
    """Objects that worker processes send back are the first of their class there."""
    program = "import pickle, sys; a, b = pickle.loads(sys.stdin.buffer.read()); assert a == b and a is not b; hash(a)"
    sent = pickle.dumps((Pickled(1), Pickled(1)))
    subprocess.run([sys.executable, "-c", program], input=sent, cwd=ROOT, check=True, timeout=60)


def test_threads_that_make_the_first_at_once_all_get_whole_ones() -> None:
    for _ in range(20):
        _, named = _pair(lazy)
        start, made = threading.Barrier(8), []

        def make(named=named, start=start, made=made) -> None:
            start.wait()
            made.append(named(1, name="n"))

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [named(1, name="n")] * 8
