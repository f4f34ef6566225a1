"""What an evaluation tells in the end: the same for the same results, in whatever order they came."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...compare.measuring.measures import PSNR_OF_ROUNDING, VISIBLE
from ..evaluation import Evaluation
from ..job import Column
from ..measuring.measured import MEASURES
from ..pictures.crop import RULES
from ..results import Failures, table
from .statistics import METHOD, PERCENTILES, Mean, Share, mean_of, share_of

Table = Mapping[str, NDArray[np.float64]]

DEFAULT_KEPT = 12
"""Pictures that are kept to be looked at."""

DECIDES = "flip"
"""The measure by which pictures are found where VAEs differ most: it says what the eye notices."""


@dataclass(frozen=True)
class Row:
    """A VAE in a precision.

    Attributes:
        title: what to call it.
        vae: its name.
        precision: in which it was run.
        failed: pictures without measures, though they could be read.
        measures: by name; those that nothing has are missing.
        identical: pictures without any difference, which have no PSNR.
    """

    title: str
    vae: str
    precision: str
    failed: int
    measures: dict[str, Mean]
    identical: int


@dataclass(frozen=True)
class Pair:
    """Two of them on the same pictures, by one measure.

    Attributes:
        closer, other: titles; ``closer`` is so in the mean.
        measure: by which.
        share: of the pictures where it is.
        ties: pictures where both are as close.
        difference: of the mean; positive.
        is_sure: whether the interval of the difference leaves 0 out.
        is_visible: whether a single picture with this difference would look different; ``None`` where nothing is known of that.
    """

    closer: str
    other: str
    measure: str
    share: Share
    ties: int
    difference: Mean
    is_sure: bool
    is_visible: bool | None


@dataclass(frozen=True)
class Different:
    """A picture where VAEs differ a lot.

    Attributes:
        picture: its number.
        name: relative to the folder of the pictures.
        difference: between the closest and the farthest, by :data:`DECIDES`.
        measures: of each column, by name.
    """

    picture: int
    name: str
    difference: float
    measures: tuple[dict[str, float | None], ...]


@dataclass(frozen=True)
class Summary:
    """All of it.

    Attributes:
        settings: how it was computed, in words.
        pictures: how many there are.
        missing: pictures that nobody has computed yet.
        broken: that could not be read.
        unusable: VAEs that could not be run at all, and why.
        failures: sentences on single pictures; the first ones.
        rows, pairs, differing: as above.
        changed: pictures that were changed after they had been measured, and are measured as they are now.
    """

    settings: dict[str, str]
    pictures: int
    missing: int
    broken: int
    unusable: dict[str, str]
    failures: list[dict[str, str]]
    rows: list[Row]
    pairs: list[Pair]
    differing: list[Different]
    changed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        percentiles = {"percentiles": list(PERCENTILES), "method": METHOD}
        return {"version": 1, **percentiles, **asdict(self)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Summary:
        """What :meth:`to_json` gave.

        Raises:
            TypeError, ValueError, KeyError: it is something else.
        """
        given = {field.name: told[field.name] for field in fields(cls) if field.name in told}
        rows = [
            Row(**{**row, "measures": {name: _mean_from(mean) for name, mean in row["measures"].items()}})
            for row in given["rows"]
        ]
        pairs = [
            Pair(**{**pair, "share": Share(**pair["share"]), "difference": _mean_from(pair["difference"])})
            for pair in given["pairs"]
        ]
        differing = [Different(**{**it, "measures": tuple(it["measures"])}) for it in given["differing"]]
        return cls(**{**given, "rows": rows, "pairs": pairs, "differing": differing})


def _mean_from(told: Mapping[str, Any]) -> Mean:
    return Mean(**{**told, "percentiles": tuple(told["percentiles"])})


def summarized(evaluation: Evaluation, kept: int = DEFAULT_KEPT) -> Summary:
    """The summary of what is known until now.

    Args:
        evaluation: of which.
        kept: how many of the pictures are named where the VAEs differ most.
    """
    job, columns, results = evaluation.job, evaluation.columns, evaluation.results()
    with table(results, columns) as (values, failures):
        rows = [_row(evaluation, place, values, failures) for place in range(len(columns))]
        pairs = [
            pair
            for a, b in itertools.combinations(range(len(columns)), 2)
            if columns[a].precision == columns[b].precision or columns[a].vae == columns[b].vae
            for name in MEASURES
            if (pair := _pair(evaluation, (a, b), name, values)) is not None
        ]
        differing = _differing(evaluation, values, kept)
    return Summary(
        settings=_settings(evaluation),
        pictures=evaluation.pictures.count,
        missing=int((~results.done.all(axis=1)).sum()),
        broken=failures.broken,
        unusable={job.vaes[number].name: why for number, why in evaluation.unusable.items()},
        failures=_told(evaluation, failures),
        rows=rows,
        pairs=pairs,
        differing=differing,
        changed=int(results.changed.sum()),
    )


def _settings(evaluation: Evaluation) -> dict[str, str]:
    job = evaluation.job
    return {
        "pictures": job.root,
        "size": f"{job.size}×{job.size}",
        "crop": f"{job.crop}: {RULES[job.crop]}",
        "encoder": job.encoder.name if job.encoder else "each its own",
        "device": job.device,
        "seed": str(job.seed),
        "without_lpips": evaluation.without_lpips,
    }


def _row(evaluation: Evaluation, place: int, values: Table, failures: Failures) -> Row:
    job, column = evaluation.job, evaluation.columns[place]
    means = {name: mean for name in MEASURES if (mean := mean_of(values[name][place])) is not None}
    identical = int(np.isposinf(values["psnr"][place]).sum())
    title, name = job.title(column), job.vaes[column.vae].name
    return Row(title, name, column.precision, failures.failed.get(place, 0), means, identical)


def _pair(evaluation: Evaluation, places: tuple[int, int], name: str, values: Table) -> Pair | None:
    """Which is closer; ``None`` where both have no pictures in common."""
    nearness = [_nearness(values[name][place], MEASURES[name].better) for place in places]
    with np.errstate(invalid="ignore"):
        differences = nearness[0] - nearness[1]
    differences = np.asarray(differences[~np.isnan(differences)])
    mean = mean_of(differences)
    if mean is None:
        return None
    order = places if mean.mean >= 0 else (places[1], places[0])
    if mean.mean < 0:
        mean = mean_of(-differences)
        assert mean is not None
        differences = -differences
    closer, other = (evaluation.job.title(evaluation.columns[place]) for place in order)
    visible = VISIBLE.get(name)
    return Pair(
        closer,
        other,
        name,
        share_of(int((differences > 0).sum()), len(differences)),
        int((differences == 0).sum()),
        mean,
        is_sure=mean.half is not None and mean.mean > mean.half,
        is_visible=None if visible is None else mean.mean >= visible,
    )


def _nearness(values: NDArray[np.float64], better: int) -> NDArray[np.float64]:
    """More is closer. No difference at all counts as what rounding to 8 bits makes, as wherever VAEs are compared."""
    if better == 0:
        return -np.abs(values)
    return np.asarray(np.where(np.isposinf(values), PSNR_OF_ROUNDING, values) * better, np.float64)


def _differing(evaluation: Evaluation, values: Table, kept: int) -> list[Different]:
    """Pictures where the closest and the farthest are farthest apart; with one VAE alone, where it is farthest from them."""
    deciding = values[DECIDES]
    apart = np.asarray(deciding.max(axis=0) - (deciding.min(axis=0) if len(deciding) > 1 else 0))
    apart[np.isnan(apart)] = -1
    told = []
    for picture in np.argsort(-apart, kind="stable")[:kept].tolist():
        if apart[picture] >= 0:
            measures = tuple(
                {
                    name: _plain(column[place, picture])
                    for name, column in values.items()
                    if not np.isnan(column[place, picture])
                }
                for place in range(len(evaluation.columns))
            )
            told.append(Different(picture, evaluation.pictures.name(picture), float(apart[picture]), measures))
    return told


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _told(evaluation: Evaluation, failures: Failures) -> list[dict[str, str]]:
    def column(place: int | None) -> Column | None:
        return None if place is None else evaluation.columns[place]

    return [
        {
            "picture": evaluation.pictures.name(picture),
            "vae": evaluation.job.title(where) if (where := column(place)) else "",
            "error": sentence,
        }
        for (picture, place), sentence in failures.sentences.items()
    ]
