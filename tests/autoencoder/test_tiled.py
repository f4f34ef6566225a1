"""Tiles that together give what the whole picture gives."""

from __future__ import annotations

import pytest
import torch

from tests.autoencoder.peers import lively, relative
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.norms import holding, measuring, norms
from vae_workbench.autoencoder.tiled import decode_tiled, encode_tiled, fade, sample, spans
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.errors import Cancelled, InvalidInput, MissingHalf

# A receptive field of few places, so that tiles that overlap enough are exact.
NEAR = TinyShape(4, width=8, encoder=(0, 1), decoder=(1, 0))


def near() -> TinyAutoencoder:
    network = lively(TinyAutoencoder(NEAR))
    assert isinstance(network, TinyAutoencoder)
    return network


def small_kl() -> KLAutoencoder:
    network = lively(KLAutoencoder(KLShape.standard(width=32, multipliers=(1, 1), blocks=1)))
    assert isinstance(network, KLAutoencoder)
    return network


@pytest.mark.parametrize("size", [(64, 45), (70, 7), (3, 5), (40, 40), (41, 60)])
def test_decoding_in_tiles_is_decoding(size: tuple[int, int]) -> None:
    network, latents = near(), torch.randn(2, 4, *size)
    tiled = decode_tiled(network, latents, tile=40, overlap=28)
    assert tiled.dtype == torch.float32
    assert relative(tiled, network.decode(latents)) < 1e-5


@pytest.mark.parametrize("size", [(128, 86), (129, 87), (140, 9), (5, 7), (80, 80)])
def test_encoding_in_tiles_is_encoding(size: tuple[int, int]) -> None:
    """Odd sizes too, which a tiny autoencoder rounds up and a KL autoencoder down."""
    network, images = near(), torch.rand(2, 3, *size) * 2 - 1
    assert relative(encode_tiled(network, images, tile=40, overlap=28), network.encode(images)) < 1e-5
    assert encode_tiled(small_kl(), images[:1], tile=40).shape == (1, 4, size[0] // 2, size[1] // 2)


def test_statistics_of_the_whole_make_tiles_fit_better() -> None:
    """A picture of two halves that differ: each tile alone would be normalised on its own."""
    network = small_kl()
    latents = torch.cat([torch.randn(1, 4, 24, 24), 5 * torch.randn(1, 4, 24, 24) + 3], dim=3)
    whole = network.decode(latents)
    shared = decode_tiled(network, latents, tile=24, overlap=8)
    alone = torch.cat([network.decode(latents[..., :24]), network.decode(latents[..., 24:])], dim=3)
    assert (shared - whole).norm() < 0.5 * (alone - whole).norm()
    assert torch.equal(network.decode(latents), whole), "the statistics were left behind"


def test_held_statistics_of_the_same_map_change_nothing() -> None:
    network, latents = small_kl(), torch.randn(1, 4, 6, 7)
    with measuring(network) as statistics:
        whole = network.decode(latents)
    decoding = norms(network.decoder) if network.decoder else []
    assert decoding and set(statistics) == set(decoding)
    with holding(statistics):
        assert relative(network.decode(latents), whole) < 1e-5


def test_half_precision_is_put_together_in_float32() -> None:
    exact = small_kl()
    latents = torch.randn(1, 4, 20, 20)
    rounded = decode_tiled(load_autoencoder(exact.state_dict(), dtype=torch.float16), latents, tile=16, overlap=8)
    assert rounded.dtype == torch.float32
    assert relative(rounded, decode_tiled(exact, latents, tile=16, overlap=8)) < 2**-7


def test_only_tiles_are_run() -> None:
    """What bounds the memory."""
    network, sizes = small_kl(), []
    decode = network.decode
    network.decode = lambda z, progress: sizes.append(tuple(z.shape)) or decode(z, progress)  # type: ignore[method-assign]
    decode_tiled(network, torch.randn(2, 4, 40, 24), tile=16, overlap=4)
    assert set(sizes) == {(1, 4, 16, 16)} and len(sizes) == 2 * (1 + 3 * 2)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (5, [(0, 5, True, True)]),
        (8, [(0, 8, True, True)]),
        (9, [(0, 8, True, False), (1, 9, False, True)]),
        (14, [(0, 8, True, False), (6, 14, False, True)]),
        (20, [(0, 8, True, False), (6, 14, False, False), (12, 20, False, True)]),
    ],
)
def test_spans_cover_a_length_evenly(length: int, expected: list[tuple[int, int, bool, bool]]) -> None:
    found = [(span.start, span.stop, span.first, span.last) for span in spans(length, tile=8, overlap=2)]
    assert found == expected


def test_where_two_tiles_meet_one_fades_out_as_the_other_fades_in() -> None:
    left, right = spans(12, tile=8, overlap=4)
    device = torch.device("cpu")
    out, come = fade(8, 4, left, device)[4:], fade(8, 4, right, device)[:4]
    assert torch.equal(out + come, torch.ones(4)) and come.tolist() == [0, 0.25, 0.75, 1]


def test_a_sample_is_made_of_patches_from_all_over() -> None:
    source = torch.arange(100.0).view(1, 1, 1, 100).expand(1, 1, 4, 100)
    rows = sample(source, size=6, patch=2)
    assert rows.shape == (1, 1, 4, 6) and rows[0, 0, 0].tolist() == [0, 1, 49, 50, 98, 99]


def test_progress_rises_and_a_cancel_stops_within_a_tile() -> None:
    told: list[tuple[float, str]] = []
    network = small_kl()
    decode_tiled(network, torch.randn(1, 4, 24, 24), tile=16, overlap=4, progress=lambda *what: told.append(what))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == pytest.approx(1)
    assert told[0][1].startswith("sample") and told[-1][1] == "tile 4 of 4, done"

    def cancel(_: float, what: str) -> None:
        if what == "tile 2 of 4, middle":
            raise Cancelled

    with pytest.raises(Cancelled):
        decode_tiled(network, torch.randn(1, 4, 24, 24), tile=16, overlap=4, progress=cancel)
    assert all(norm.held is None for norm in norms(network))


@pytest.mark.parametrize(("tile", "overlap"), [(16, 16), (16, -1), (0, 0)])
def test_overlaps_that_cannot_be(tile: int, overlap: int) -> None:
    with pytest.raises(InvalidInput, match="cannot overlap"):
        decode_tiled(near(), torch.zeros(1, 4, 40, 40), tile=tile, overlap=overlap)


def test_maps_that_do_not_fit() -> None:
    with pytest.raises(InvalidInput, match="cut into tiles"):
        decode_tiled(near(), torch.zeros(4, 40, 40))
    with pytest.raises(InvalidInput, match="cut into tiles"):
        encode_tiled(near(), torch.zeros(1, 3, 1, 40))
    with pytest.raises(InvalidInput, match="takes B×4"):
        decode_tiled(near(), torch.zeros(1, 5, 100, 100))


def test_a_missing_half_is_told() -> None:
    decoder = load_autoencoder(
        {name: value for name, value in near().state_dict().items() if name.startswith("decoder")}
    )
    with pytest.raises(MissingHalf):
        encode_tiled(decoder, torch.zeros(1, 3, 8, 8))
