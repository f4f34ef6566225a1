"""What is said first: which VAE is the closest, in one plain sentence, and how far that can be relied on."""

from __future__ import annotations

from collections.abc import Iterator

from ..measuring.measured import MEASURES
from .statistics import Share
from .summary import DECIDES, Pair, Summary

FEW = 30
"""Pictures with fewer of which a person is told to take more."""

OTHERS = ("psnr", "ssim", "delta_e", "lpips")
"""Measures that are asked whether they say the same."""


def verdict(summary: Summary) -> list[str]:
    """A sentence that answers, and others that tell what to make of it; none where there is nothing to compare."""
    titles = _comparable(summary)
    deciding = [pair for pair in summary.pairs if pair.measure == DECIDES and {pair.closer, pair.other} <= set(titles)]
    if not deciding:
        return []
    beaten = {pair.other for pair in deciding if pair.is_sure}
    won = {title: sum(pair.closer == title for pair in deciding) for title in titles if title not in beaten}
    best = max(won, key=lambda title: won[title])  # of those that are not beaten; somebody is not
    against = [pair for pair in deciding if best in (pair.closer, pair.other)]
    nearest = min(against, key=lambda pair: (pair.is_sure, pair.difference.mean))
    return [_answer(nearest, len(titles)), *_agreement(summary, nearest), *_reserve(nearest.share)]


def _comparable(summary: Summary) -> list[str]:
    """Titles of the VAEs in the first precision; of a single one, in all precisions."""
    first = [row.title for row in summary.rows if row.precision == summary.rows[0].precision]
    return first if len(first) > 1 else [row.title for row in summary.rows]


def _answer(pair: Pair, count: int) -> str:
    closer, other = pair.closer, pair.other
    share, half = f"{100 * pair.share.share:.0f}", f"{100 * pair.share.half:.0f}"
    if not pair.is_sure:
        if pair.ties == pair.share.count:
            return f"{closer} and {other} give the same pictures."
        if count > 2:
            return (
                f"None of {count} is surely the closest: {closer} is closer than {other} in {share} ± {half} % of the "
                "pictures."
            )
        return f"{closer} and {other} cannot be told apart: {closer} is closer in {share} ± {half} % of the pictures."
    if pair.share.share <= 0.5:
        return f"{closer} is closer than {other} on average, but only in {share} ± {half} % of the pictures."
    if count > 2:
        return f"{closer} is the closest of {count}: closer than {other}, the next one, in {share} ± {half} % of the pictures."
    return f"{closer} is closer than {other} in {share} ± {half} % of the pictures."


def _agreement(summary: Summary, deciding: Pair) -> Iterator[str]:
    """What the other measures say of the same two."""
    both = {deciding.closer, deciding.other}
    pairs = {pair.measure: pair for pair in summary.pairs if {pair.closer, pair.other} == both}
    if not deciding.is_sure:
        return
    others = [pairs[name] for name in OTHERS if name in pairs]
    against = [MEASURES[pair.measure].title for pair in others if pair.is_sure and pair.closer != deciding.closer]
    if against:
        yield "This is by ꟻLIP, which tells what the eye notices."
        yield f"The opposite is told by {', '.join(against)}: look at the pictures."
    elif others and all(pair.is_sure for pair in others):
        yield "All measures say the same."
    seen = [pair.is_visible for pair in others if pair.is_visible is not None]
    if seen and not any(seen):
        yield "The difference is too little to be seen in a single picture."


def _reserve(share: Share) -> Iterator[str]:
    if share.count < FEW:
        yield f"These are few pictures ({share.count}): with more of them it can be relied on."
