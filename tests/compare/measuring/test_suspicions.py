"""What is suspicious about VAEs and their pictures."""

from __future__ import annotations

import numpy as np
import pytest

from vae_workbench.compare.measuring.suspicions import of_pictures, places_of, without_those_of_pictures

RNG = np.random.default_rng(3)
SCENE = np.kron(RNG.random((8, 12, 3)), np.ones((16, 16, 1))).astype(np.float32)


def pictures(count: int = 4) -> list[np.ndarray]:
    """What good VAEs make of one scene: all of them a little different."""
    return [np.clip(SCENE + RNG.normal(0, 0.03, SCENE.shape), 0, 1).astype(np.float32) for _ in range(count)]


def told(images: list[np.ndarray]) -> list[tuple[str, ...]]:
    return of_pictures([places_of(image) for image in images])


def test_good_ones_raise_no_suspicion() -> None:
    images = pictures()
    images[1] = np.clip(images[1] * 0.9 + 0.06, 0, 1)  # a matter of taste
    assert told(images) == [()] * 4


@pytest.mark.parametrize("colour", [(0.6, 0, 0.8), (0, 0, 0)])
def test_a_blotch_is_found_in_the_one_that_has_it(colour: tuple[float, float, float]) -> None:
    images = [np.full_like(SCENE, 0.55) + image * 0.1 for image in pictures()]
    images[2][32:64, 40:80] = colour
    (blotch,) = told(images)[2]
    assert blotch.startswith("It has a blotch where no other VAE has one (")
    assert [place for place, warnings in enumerate(told(images)) if warnings] == [2]
    assert without_those_of_pictures(("The decoder overflowed.", blotch)) == ("The decoder overflowed.",)


def test_a_single_odd_place_is_none() -> None:
    images = pictures()
    images[2][32:40, 40:48] = 1 - images[2][32:40, 40:48].round()
    assert told(images) == [()] * 4


def test_one_far_paler_than_all_others_is_told() -> None:
    images = pictures()
    grey = images[0].mean(axis=2, keepdims=True)
    images[0] = (grey + 0.35 * (images[0] - grey)).astype(np.float32)
    found = told(images)
    assert found[0][0].startswith("It is far paler than the others (") and found[1:] == [()] * 3


def test_two_pictures_tell_nothing_of_each_other() -> None:
    images = pictures(2)
    images[0][:64, :64] = 0
    assert told(images) == [(), ()]


def test_tiny_pictures_are_too_small_to_look_at() -> None:
    assert told([np.zeros((4, 4, 3), np.float32)] * 3) == [()] * 3
