"""A collection of VAEs: who is a copy, an edit or a merge of whom, and which of them was there first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from tests.identity.files import Tensors, cast, finetune, mixed, sketch_of, small_kl
from vae_workbench.edit.adjust import ColourChange, adjust_decoder
from vae_workbench.identity.relatives.kinship import Kinship, Relations, group_copies, relate
from vae_workbench.identity.relatives.lineage import Vae
from vae_workbench.precision.rescale import scale_stream

A, B, C, D = (finetune(seed) for seed in range(4))


def vaes(collection: Mapping[str, Tensors], times: Mapping[str, int] | None = None) -> list[Vae]:
    return [Vae(name, sketch_of(it), modified_ns=(times or {}).get(name)) for name, it in collection.items()]


def groups(collection: Mapping[str, Tensors]) -> set[tuple[str, ...]]:
    names = list(collection)
    found = group_copies([sketch_of(tensors) for tensors in collection.values()])
    return {tuple(names[place] for place in group) for group in found}


def merges(collection: list[Vae]) -> dict[str, str]:
    """The text of each merge by the name of what was made; a question mark before those that are not certain."""
    found = Kinship(collection)
    told = {vae.name: found.merge(place) for place, vae in enumerate(collection)}
    return {name: it[0].text if it[1].certain else f"? {it[0].text}" for name, it in told.items() if it}


def near(amount: float, tensors: Tensors) -> Tensors:
    noise = torch.Generator().manual_seed(5)
    return {name: it * (1 + amount * torch.randn(it.shape, generator=noise)) for name, it in tensors.items()}


def links(relations: Relations, names: list[str]) -> dict[str, dict[str, tuple[str, bool | None]]]:
    return {
        names[place]: {names[other]: (it.relation, it.derived) for other, it in links}
        for place, links in relations.links.items()
    }


def test_relations_of_a_collection() -> None:
    base, one = small_kl(), finetune(1)
    decoder = {name: it for name, it in base.items() if name.startswith(("decoder.", "post_quant_conv."))}
    collection = {
        "base bf16": cast(base, torch.bfloat16),
        "base": base,
        "one": one,
        "same encoder": mixed({"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}, base, finetune(3)),
        "merge": mixed(0.4, base, one),
        "decoder": decoder,
        "stranger": small_kl(1),
    }
    names = list(collection)
    relations = relate(vaes(collection))
    told = {tuple(names[place] for place in group) for group in relations.groups}
    assert told == {("base", "base bf16"), ("one",), ("same encoder",), ("merge",), ("decoder",), ("stranger",)}
    assert {names[place] for place in relations.merges} == {"merge"}
    text, merge = relations.merges[4]
    assert text.text.startswith("It is a merge: 0.60 × one + 0.40 × base (residual ")
    assert [names[parent] for parent in merge.parents] == ["one", "base"]
    told_links = links(relations, names)
    assert told_links["same encoder"]["base"] == told_links["base"]["same encoder"] == ("same encoder", None)
    assert told_links["decoder"]["base"] == ("decoder of", True)
    assert told_links["base"]["decoder"] == ("its decoder", False)
    assert told_links["one"]["merge"] == ("similar", None)
    assert told_links["stranger"] == {}


def test_files_that_differ_are_never_one_group() -> None:
    assert groups({"a": small_kl(), "near": near(1e-3, small_kl()), "nearer": near(1e-6, small_kl())}) == {
        ("a",), ("near",), ("nearer",),
    }  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_a_rounded_copy_does_not_join_what_differs(order: int) -> None:
    """In fp8, VAEs that are 1e-3 apart are hardly told apart: the copy goes to the nearest, and does not unite them."""
    collection = {
        "alpha": small_kl(),
        "nearly": near(1e-3, small_kl()),
        "alpha bf16": cast(small_kl(), torch.bfloat16, torch.float32),
        "alpha fp8": cast(small_kl(), torch.float8_e4m3fn),
        "nearly fp8": cast(near(1e-3, small_kl()), torch.float8_e5m2),
    }
    told = groups(dict(list(collection.items())[::order]))
    assert told == {("alpha", "alpha bf16", "alpha fp8"), ("nearly", "nearly fp8")}


def test_damaged_and_empty_vaes_have_no_relatives() -> None:
    broken = {**small_kl(), "decoder.conv_out.bias": torch.tensor([0.0, float("nan"), 1.0])}
    empty = {name: torch.zeros_like(it) for name, it in small_kl().items()}
    relations = relate(vaes({"broken": broken, "again": broken, "empty": empty, "a": small_kl(), "b": finetune(1)}))
    assert len(relations.groups) == 5 and not relations.merges
    assert [len(relations.links[place]) for place in range(5)] == [0, 0, 0, 1, 1]


def test_parents_are_no_merges_of_their_children() -> None:
    collection = vaes(
        {"A": A, "B": B, "child": mixed(0.3, A, B), "grandchild": mixed(0.5, mixed(0.3, A, B), C), "C": C}
    )
    told = merges(collection)
    assert told.keys() == {"child", "grandchild"}
    assert told["child"].startswith("It is a merge: 0.70 × B + 0.30 × A (")
    assert "0.50 × C" in told["grandchild"] and "0.50 × child" in told["grandchild"]


def test_several_merges_of_the_same_parents() -> None:
    told = merges(
        vaes({"A": A, "half": mixed(0.5, A, B), "third": mixed(0.3, A, B), "tenth": mixed(0.1, A, B), "B": B})
    )
    assert told.keys() == {"half", "third", "tenth"}
    assert all("× A" in text and "× B" in text for text in told.values())


def test_a_merge_and_its_copy_in_fp16_are_one() -> None:
    child = mixed(0.3, A, B)
    relations = relate(vaes({"A": A, "B": B, "fp16": cast(child, torch.float16), "child": child}))
    assert (3, 2) in relations.groups and relations.merges.keys() == {3}


ENCODER_OF_THE_FIRST = {"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}


def test_a_base_is_no_merge_of_what_was_trained_from_it() -> None:
    """One tune of the decoder and one of the encoder: the base, years older, was told as a merge of them."""
    tuned = {"decoder": mixed(ENCODER_OF_THE_FIRST, A, B), "encoder": mixed(ENCODER_OF_THE_FIRST, C, A)}
    collection = {"base": A, **tuned}
    assert merges(vaes(collection, {"base": 1, "decoder": 2, "encoder": 3})) == {}
    assert merges(vaes(collection, {"base": 4, "decoder": 2, "encoder": 3})).keys() == {"base"}


def test_halves_of_strangers_were_joined_whatever_the_times_say() -> None:
    stranger = small_kl(1)
    collection = {"A": A, "joined": mixed(ENCODER_OF_THE_FIRST, A, stranger), "stranger": stranger}
    assert merges(vaes(collection, {"A": 2, "joined": 1, "stranger": 3})).keys() == {"joined"}


def test_the_middle_one_was_made_whatever_the_times_say() -> None:
    """Copied files have the time of copying."""
    collection = vaes({"A": A, "B": B, "child": mixed(0.5, A, B)}, {"A": 3, "B": 2, "child": 1})
    assert merges(collection).keys() == {"child"}


def test_a_published_vae_is_no_merge_of_the_users_files() -> None:
    collection = vaes({"A": A, "B": B, "published": mixed(0.5, A, B)})
    collection[2] = replace(collection[2], published=True)
    (text,) = merges(collection).values()
    assert (
        text.startswith("? It, ") and "one of these three is a merge of the other two; which one cannot be told" in text
    )
    collection[:2] = [replace(vae, published=True) for vae in collection[:2]]
    assert merges(collection)["published"].startswith("It is a merge")


DIFFERENCE = {name: A[name] + 0.7 * (B[name] - C[name]) for name in A}


def test_an_added_difference_is_decided_by_the_times() -> None:
    """A + α(B − C) = D is also A = D − α(B − C)."""
    collection = {"A": A, "B": B, "C": C, "D": DIFFERENCE}
    told = merges(vaes(collection, {"A": 1, "B": 2, "C": 3, "D": 4}))
    assert told.keys() == {"D"} and "A + 0.70 × (B − C)" in told["D"]
    assert merges(vaes(collection, {"A": 4, "B": 2, "C": 3, "D": 1})).keys() == {"A"}
    for times in ({}, {"A": 4, "B": 2, "C": 3, "D": 4}):
        told = merges(vaes(collection, times))
        assert told.keys() == {"A", "D"}
        assert all("one of these four is a merge of the other three" in text for text in told.values())


def test_the_whole_difference_may_be_any_of_four() -> None:
    collection = {"A": A, "B": B, "C": C, "D": {name: A[name] + B[name] - C[name] for name in A}}
    assert merges(vaes(collection)).keys() == {"A", "B", "C", "D"}
    assert all(text.startswith("? ") for text in merges(vaes(collection)).values())
    assert merges(vaes(collection, {"A": 1, "B": 2, "C": 3, "D": 4})).keys() == {"D"}


def test_an_added_difference_is_decided_by_precision() -> None:
    a, b, c = (cast(it, torch.float16, torch.float32) for it in (A, B, C))
    exact = {name: a[name] + 0.7 * (b[name] - c[name]) for name in a}
    assert merges(vaes({"A": a, "B": b, "C": c, "D": exact})).keys() == {"D"}, "exact to more digits than A has"
    assert merges(vaes({"A": A, "B": B, "C": C, "D": cast(DIFFERENCE, torch.float16)})).keys() == {"D"}, "rounded"


def test_exchanged_halves_go_round_in_a_circle() -> None:
    halves = {"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}
    collection = {"A": A, "B": B, "AB": mixed(halves, A, B), "BA": mixed(halves, B, A)}
    assert merges(vaes(collection, {"A": 1, "B": 2, "AB": 3, "BA": 4})).keys() == {"AB", "BA"}
    assert all(text.startswith("? ") for text in merges(vaes(collection)).values())
    collection.pop("BA")
    assert merges(vaes(collection)).keys() == {"AB"}, "of three, only one has nothing of its own"


def siblings() -> dict[str, Tensors]:
    trained = cast(small_kl(), torch.float16)
    return {
        "trained": trained,
        "pale": adjust_decoder(trained, ColourChange.of(saturation=0.5)),
        "vivid": adjust_decoder(trained, ColourChange.of(saturation=1.5)),
        "overflows": scale_stream(trained, "decoder", 2.0**13),
    }


def test_edits_of_one_vae() -> None:
    """The trained demo VAE was shown as a merge of its own siblings."""
    collection, names = siblings(), list(siblings())
    relations = relate(vaes(collection, {name: place for place, name in enumerate(collection)}))
    assert not relations.merges
    told = links(relations, names)
    assert told["trained"] == {
        "pale": ("colour edit", False),
        "vivid": ("colour edit", False),
        "overflows": ("rescaled", False),
    }
    assert told["pale"]["trained"] == told["vivid"]["trained"] == ("colour edit", True)
    assert told["overflows"]["trained"] == ("rescaled", True)
    assert told["pale"]["vivid"] == told["vivid"]["pale"] == ("colour edit", None), "neither is made from the other"


def test_edits_whose_age_is_not_known() -> None:
    told = links(relate(vaes(siblings())), list(siblings()))
    assert {derived for others in told.values() for _, derived in others.values()} == {None}


def test_a_published_vae_is_the_origin_of_edits_also_when_its_file_is_newer() -> None:
    collection = vaes(siblings(), {"trained": 9, "pale": 1, "vivid": 2, "overflows": 3})
    collection[0] = replace(collection[0], published=True)
    told = links(relate(collection), list(siblings()))
    assert [told[name]["trained"][1] for name in ("pale", "vivid", "overflows")] == [True] * 3


def test_what_has_fewer_digits_is_the_edit() -> None:
    collection = {"fp32": small_kl(), "edit": cast(siblings()["pale"], torch.bfloat16)}
    told = links(relate(vaes(collection, {"fp32": 2, "edit": 1})), ["fp32", "edit"])
    assert told["edit"]["fp32"] == ("colour edit", True)


def test_a_merge_with_an_edit_names_the_edit_as_parent() -> None:
    toned = adjust_decoder(A, ColourChange.of(saturation=1.3))
    told = merges(vaes({"A": A, "toned": toned, "B": B, "child": mixed(0.4, toned, B)}))
    assert told.keys() == {"child"} and "0.40 × toned" in told["child"]
