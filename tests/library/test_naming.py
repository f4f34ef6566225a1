"""Names by which files can be told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_workbench.library.naming import NameIndex, distinct_names
from vae_workbench.printable import printable


def test_a_file_goes_by_its_own_name() -> None:
    assert distinct_names(["/m/VAE/a.pt", "/m/VAE/sub/b.safetensors"]) == ["a.pt", "b.safetensors"]


def test_the_same_name_in_two_folders() -> None:
    paths = ["/m/a/vae.pt", "/m/b/vae.pt", "/m/b/c/VAE.pt", "/n/b/vae.pt", "/m/other.pt"]
    assert distinct_names(paths) == ["a/vae.pt", "m/b/vae.pt", "c/VAE.pt", "n/b/vae.pt", "other.pt"]


def test_paths_that_differ_in_case_only_stay_as_they_are() -> None:
    assert distinct_names(["/A/x.pt", "/a/x.pt"]) == ["/A/x.pt", "/a/x.pt"]


SEGMENT = st.sampled_from(["a", "b", "vae.pt", "VAE.pt", "c"])


@given(
    st.lists(st.lists(SEGMENT, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)), unique_by=str.lower)
)
def test_names_are_distinct_and_end_like_their_paths(paths: list[str]) -> None:
    names = distinct_names(paths)
    assert len({name.lower() for name in names}) == len(paths)
    assert all(path.endswith(name) for path, name in zip(paths, names, strict=True))


RAW = ["/m/a\udce9.pt", r"/m/a\xe9.pt", r"/m/a\xe9.pt (2)", "/m/a\n.pt", "/m/b/a\udce9.pt"]
"""The first two are shown alike."""


def test_names_are_printable_and_distinct_even_where_that_hides_a_difference() -> None:
    names = dict(zip(RAW, distinct_names(RAW), strict=True))
    assert names["/m/a\n.pt"] == r"a\x0a.pt" and names["/m/b/a\udce9.pt"] == r"b/a\xe9.pt"
    assert names[r"/m/a\xe9.pt (2)"] == r"a\xe9.pt (2)"
    assert {names[path] for path in RAW[:2]} == {r"/m/a\xe9.pt", r"/m/a\xe9.pt (2)"}
    assert distinct_names(RAW[::-1]) == list(names.values())[::-1], "whatever the order"


@given(st.lists(st.text(st.sampled_from("a\udce9\\xe9 (2)\n"), min_size=1, max_size=8), unique=True))
def test_any_names_are_printable_and_distinct(texts: list[str]) -> None:
    names = distinct_names([f"/{text}" for text in texts])
    assert len(set(names)) == len(texts) and all(printable(name) == name for name in names)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("mse.safetensors", ["mse"]),
        ("mse", ["mse"]),
        ("MSE.safetensors", ["mse"]),
        ("Mse", ["mse"]),
        ("orange", ["orange", "orange.vae"]),
        ("orange.vae", ["orange.vae"]),
        ("ORANGE.vae.pt", ["orange.vae"]),
        ("Twin.pt", ["Twin"]),
        ("twin.pt", ["twin"]),
        ("TWIN.pt", ["Twin", "twin"]),
        ("latin-\udce9.pt", ["latin"]),
        (r"latin-\xe9.pt", ["latin"]),
        (r"Latin-\xe9", ["latin"]),
        ("mse.pt", []),
        ("ms", []),
        ("", []),
    ],
)
def test_a_name_is_found_exactly_or_else_where_it_is_clear(asked: str, found: list[str]) -> None:
    names = {
        "mse.safetensors": "mse", "orange.ckpt": "orange", "orange.vae.pt": "orange.vae",
        "Twin.pt": "Twin", "twin.pt": "twin", "latin-\udce9.pt": "latin",
    }  # fmt: skip
    assert sorted(NameIndex(names.items()).find(asked)) == sorted(found)
