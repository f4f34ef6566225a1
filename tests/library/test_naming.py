"""Names by which files can be told apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vae_workbench.library.naming import distinct_names


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
