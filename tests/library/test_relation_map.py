"""The map of relations: which lines it shows, where boxes stand, and that it is safe to put into a page."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from vae_workbench.identity.relatives.kinship import Relations
from vae_workbench.identity.relatives.merges import Merge
from vae_workbench.identity.verdict import Certainty, Relative, Verdict
from vae_workbench.library.entry import Entry
from vae_workbench.library.family_tree import arrange, family_trees
from vae_workbench.library.relation_map import relation_map

Links = Mapping[tuple[int, int], tuple[str, float]]


def related(
    count: int,
    links: Links,
    merges: Mapping[int, Merge] | None = None,
    groups: Sequence[tuple[int, ...]] | None = None,
) -> Relations:
    """Relations as ``relate`` gives them: every link from both ends."""
    told: dict[int, list[tuple[int, Relative]]] = {number: [] for number in range(count)}
    for (one, other), (relation, distance) in links.items():
        told[one].append((other, Relative(str(other), relation, distance, "")))
        told[other].append((one, Relative(str(one), relation, distance, "")))
    texts = {child: (Relative("", "merge", merge.residual, ""), merge) for child, merge in (merges or {}).items()}
    return Relations(
        tuple(groups or [(number,) for number in range(count)]),
        {number: tuple(sorted(others, key=lambda link: link[1].distance)) for number, others in told.items()},
        texts,
    )


def entry(name: str, known_as: str | None = None) -> Entry:
    verdict = Verdict(name, "vae", Certainty.CERTAIN, (), known_as=known_as)
    return Entry(name, f"/vae/{name}", 1, 1, "f" * 16, verdict)


def drawn(relations: Relations, names: Sequence[str] | None = None) -> ElementTree.Element:
    count = sum(map(len, relations.groups))
    return ElementTree.fromstring(
        relation_map([entry(name) for name in names or map("vae {}".format, range(count))], relations).svg
    )


def texts(svg: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in svg.iter() if element.tag.endswith("}text")]


def test_a_family_is_joined_by_its_nearest_relations_only() -> None:
    everybody = {pair: ("similar", 0.1 + 0.01 * sum(pair)) for pair in itertools.combinations(range(6), 2)}
    edges = family_trees(related(6, everybody))
    assert {frozenset((edge.parent, edge.child)) for edge in edges} == {frozenset((0, n)) for n in range(1, 6)}
    assert all(edge.parent == 0 for edge in edges), "the middle of the family is its root"


def test_a_half_in_common_says_more_than_being_similar() -> None:
    links: Links = {(0, 1): ("same encoder", 0.6), (0, 2): ("similar", 0.1), (1, 2): ("similar", 0.2)}
    assert {(e.relation, frozenset((e.parent, e.child))) for e in family_trees(related(3, links))} == {
        ("same encoder", frozenset((0, 1))),
        ("similar", frozenset((0, 2))),
    }


def test_a_merge_hangs_on_its_largest_parent_and_shows_the_others() -> None:
    links: Links = dict.fromkeys(itertools.combinations(range(4), 2), ("similar", 0.1))
    edges = family_trees(related(4, links, {3: Merge((2, 0), (0.7, 0.3), 1e-4)}))
    into_the_merge = [(edge.parent, edge.label, edge.rank) for edge in edges if 3 in (edge.parent, edge.child)]
    assert into_the_merge == [(2, "merge 0.70", 0), (0, "0.30", 1)]


def test_an_added_difference_shows_its_signs() -> None:
    edges = family_trees(related(4, {}, {3: Merge((0, 1, 2), (1.0, 0.4, -0.4), 1e-4)}))
    assert [edge.label for edge in edges] == ["merge 1.00", "0.40", "−0.40"]


def test_merges_that_go_round_in_a_circle_are_drawn_all_the_same() -> None:
    """A + α(B − C) = D is also A = D − α(B − C)."""
    merges = {
        0: Merge((3, 1, 2), (1.0, -0.4, 0.4), 1e-4),
        3: Merge((0, 1, 2), (1.0, 0.4, -0.4), 1e-4),
    }
    relations = related(4, {}, merges)
    assert set(arrange(family_trees(relations))) == {0, 1, 2, 3}
    assert len(drawn(relations)) == 3 * 6 + 4


def made(links: Sequence[tuple[int, int, str]]) -> dict[int, tuple[tuple[int, Relative], ...]]:
    """Edits, each as origin, edit and relation, as ``relate`` tells them: from both sides."""
    told: dict[int, list[tuple[int, Relative]]] = {}
    for origin, edit, relation in links:
        told.setdefault(origin, []).append((edit, Relative(str(edit), relation, 0.1, "", derived=False)))
        told.setdefault(edit, []).append((origin, Relative(str(origin), relation, 0.1, "", derived=True)))
    return {number: tuple(others) for number, others in told.items()}


def test_what_was_made_of_another_stands_to_its_right() -> None:
    """A line went from the middle of the family outwards, whoever was made from whom."""
    edits = [(3, 0, "colour edit"), (3, 1, "colour edit"), (3, 2, "rescaled")]
    edges = family_trees(replace(related(4, {}), links=made(edits)))
    assert {(edge.parent, edge.child, edge.directed) for edge in edges} == {(3, 0, True), (3, 1, True), (3, 2, True)}


def test_a_vae_with_two_origins_stands_to_the_right_of_both() -> None:
    edits = [(0, 2, "decoder of"), (1, 2, "decoder of"), (2, 3, "colour edit")]
    edges = family_trees(replace(related(4, {}), links=made(edits)))
    assert {(edge.parent, edge.child) for edge in edges} == {(0, 2), (1, 2), (2, 3)}
    places = arrange(edges)
    assert set(places) == {0, 1, 2, 3}
    assert all(places[edge.parent].column < places[edge.child].column for edge in edges)


def test_what_is_equally_close_to_several_hangs_on_the_origin_of_them() -> None:
    """An encoder alone hung on an edit of the VAE that it is from, because the edit came first in the list."""
    made = {(0, 1): ("encoder of", 0.0, 1), (0, 2): ("encoder of", 0.0, 2), (1, 2): ("colour edit", 0.08, 2)}
    told: dict[int, list[tuple[int, Relative]]] = {number: [] for number in range(3)}
    for (one, other), (relation, distance, origin) in made.items():
        told[one].append((other, Relative(str(other), relation, distance, "", derived=origin == other)))
        told[other].append((one, Relative(str(one), relation, distance, "", derived=origin == one)))
    links = {number: tuple(others) for number, others in told.items()}
    edges = family_trees(Relations(((0,), (1,), (2,)), links, {}))
    assert {(edge.parent, edge.child) for edge in edges} == {(2, 0), (2, 1)}


def test_lines_have_a_tip_where_the_direction_is_known() -> None:
    known = replace(related(2, {}), links=made([(0, 1, "colour edit")]))
    unknown = related(2, {(0, 1): ("colour edit", 0.1)})
    tips = [str(ElementTree.tostring(drawn(it))).count("l-8 -4v8z") for it in (known, unknown)]
    assert tips == [1, 0]


def test_a_possible_merge_is_drawn_as_such() -> None:
    relations = related(3, {}, {2: replace(Merge((0, 1), (0.6, 0.4), 1e-4), certain=False)})
    assert "merge? 0.60" in texts(drawn(relations))
    assert "l-8 -4v8z" not in str(ElementTree.tostring(drawn(relations)))


def test_children_stand_to_the_right_of_all_their_parents() -> None:
    links: Links = {(0, 1): ("similar", 0.1), (1, 2): ("similar", 0.1)}
    edges = family_trees(related(5, links, {3: Merge((0, 2), (0.6, 0.4), 1e-4), 4: Merge((3, 1), (0.6, 0.4), 1e-4)}))
    places = arrange(edges)
    assert all(places[edge.parent].column < places[edge.child].column for edge in edges)


@pytest.mark.parametrize("families", [1, 4, 13])
def test_boxes_never_overlap_with_40_vaes(families: int) -> None:
    links: Links = {
        (one, other): ("similar", 0.01 * (one * other % 37 + 1))
        for one, other in itertools.combinations(range(36), 2)
        if one % families == other % families
    }
    merges = {36 + n: Merge((n, n + 13), (0.5, 0.5), 1e-4) for n in range(4)}
    places = arrange(family_trees(related(40, links, merges))).values()
    assert len(places) >= 38
    for one, other in itertools.combinations(places, 2):
        assert one.column != other.column or abs(one.row - other.row) >= 1


def test_strangers_are_left_out_and_told() -> None:
    made = relation_map([entry(str(n)) for n in range(4)], related(4, {(1, 2): ("similar", 0.1)}))
    assert made.strangers == (0, 3)
    assert made.svg.count("data-vaewb-open") == 2


def test_broken_vaes_are_not_on_the_map() -> None:
    """A file that lacks a tensor resembles its whole siblings; it would stand in the middle of the family."""
    links: Links = {(0, 1): ("same encoder", 0.1), (0, 2): ("same encoder", 0.1), (1, 2): ("same encoder", 0.2)}
    vaes = [entry("broken.pt"), entry("b"), entry("c")]
    vaes[0] = replace(vaes[0], verdict=replace(vaes[0].verdict, kind="broken"))
    made = relation_map(vaes, related(3, links))
    assert made.strangers == ()
    assert made.svg.count("data-vaewb-open") == 2 and "broken.pt" not in made.svg


def test_nobody_related_is_no_map() -> None:
    made = relation_map([entry("a"), entry("b")], related(2, {}))
    assert (made.svg, made.strangers) == ("", (0, 1))


def test_copies_are_one_box_with_the_known_name() -> None:
    relations = related(3, {(0, 2): ("similar", 0.1)}, groups=[(0, 1), (2,)])
    svg = relation_map([entry("a.pt"), entry("b.safetensors", "ft-MSE"), entry("c.pt")], relations).svg
    shown = texts(ElementTree.fromstring(svg))
    assert {"ft-MSE", "2 copies · a.pt", "c.pt", "similar"} == set(shown)
    assert "<title>a.pt\nb.safetensors</title>" in svg


def test_long_names_keep_their_ends() -> None:
    names = ["a-very-long-name-of-a-vae-file-that-goes-on-v1.safetensors", "short.pt"]
    shown = texts(drawn(related(2, {(0, 1): ("similar", 0.1)}), names))
    assert any(text.startswith("a-very-long") and text.endswith("goes-on-v1") and "…" in text for text in shown)


def test_names_cannot_break_out() -> None:
    evil = "<img src=x onerror='alert(1)'>\"&.pt"
    svg = drawn(related(2, {(0, 1): ("similar", 0.1)}), [evil, "b"])
    assert {element.tag.rpartition("}")[2] for element in svg.iter()} == {"svg", "path", "g", "title", "rect", "text"}
    assert any(element.get("data-vaewb-open") == evil for element in svg.iter())


def test_the_same_relations_give_the_same_map() -> None:
    links: Links = dict.fromkeys(itertools.combinations(range(8), 2), ("similar", 0.1))
    backwards = dict(reversed(links.items()))
    names = [str(n) for n in range(8)]
    one, other = (relation_map([entry(n) for n in names], related(8, it)).svg for it in (links, backwards))
    assert one == other
