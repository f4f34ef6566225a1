"""Merges in words."""

from __future__ import annotations

from collections.abc import Sequence

from ..verdict import Relative
from .merges import Merge

NUMBERS = {2: "two", 3: "three", 4: "four"}


def merge_relative(merge: Merge, names: Sequence[str]) -> Relative:
    """A merge in words.

    Args:
        names: those of the candidates.
    """
    parents = [names[parent] for parent in merge.parents]
    title = " + ".join(parents)
    total = _sum(merge, parents)
    if not merge.certain:
        told = f"It, {' and '.join((', '.join(parents[:-1]), parents[-1]))}: one of these {NUMBERS[len(parents) + 1]}"
        text = (
            f"{told} is a merge of the other {NUMBERS[len(parents)]}; which one cannot be told ({total} is this one)."
        )
        return Relative(title, "possible merge", merge.residual, text)
    relation = "block-weighted merge" if merge.blocks else "add difference" if merge.is_difference else "merge"
    text = f"It is a merge: {total} (residual {merge.residual:.1e})."
    return Relative(title, relation, merge.residual, text, derived=True)


def _sum(merge: Merge, parents: Sequence[str]) -> str:
    if merge.is_difference:
        share, (base, plus, minus) = _difference(merge, parents)
        return f"{base} + {share:.2f} × ({plus} − {minus})"
    total = " + ".join(f"{part:.2f} × {name}" for part, name in zip(merge.coefficients, parents, strict=True))
    if merge.blocks:
        return _halves(merge, parents) or f"{total} on average, with other proportions in each block"
    return total


def _difference(merge: Merge, parents: Sequence[str]) -> tuple[float, tuple[str, str, str]]:
    """α, A, B and C of A + α · (B − C)."""
    (_, base), (share, plus), (_, minus) = zip(merge.coefficients, parents, strict=True)
    return share, (base, plus, minus)


def _halves(merge: Merge, parents: Sequence[str]) -> str:
    """``encoder of A, decoder of B`` if that is all there is to it, or with proportions; otherwise nothing."""
    told = []
    for half in ("encoder", "decoder"):
        shares = [share for block, (share, _) in merge.blocks.items() if block.startswith(half + ".")]
        if not shares:
            return ""
        low, high = min(shares), max(shares)
        if high - low > 0.04:
            return ""
        share = (low + high) / 2
        parts = [f"{part:.2f} × {name}" for part, name in ((share, parents[0]), (1 - share, parents[1])) if part > 0.02]
        told.append(
            f"{half} of {parts[0].removeprefix('1.00 × ')}" if len(parts) == 1 else f"{half} {' + '.join(parts)}"
        )
    return ", ".join(told)
