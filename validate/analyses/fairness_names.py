"""The measures of group fairness by the names that people know, as Fairlearn defines them: descriptive, they never decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.samples import ModelSamples
from validate.estimation.sample import Sample
from validate.results.levels import MISSING


def names_people_know(samples: ModelSamples, attributes: Sequence[str]) -> list[dict[str, Any]]:
    """Largest less smallest over the known groups (Hardt et al. 2016, doi:10.48550/arXiv.1610.02413; fairlearn.metrics).

    demographic parity : share flagged      equal opportunity : sensitivity      equalised odds : the larger gap of sensitivity
        and of the false positive rate. None where a group has no case that the rate is of.
    """
    sample = samples.locked()
    if not {"flagged", "positive"} <= sample.rows.columns.keys():
        return []  # of marks: a rate of false alarms has no cases that it is a share of
    return [_named(samples, sample, attribute) for attribute in attributes]


def _named(samples: ModelSamples, sample: Sample, attribute: str) -> dict[str, Any]:
    flagged, positive = sample.rows["flagged"], sample.rows["positive"]
    everybody = np.ones(len(sample.rows), np.bool_)
    rates = {
        name: _rates(samples, sample, attribute, flagged, among)
        for name, among in (("flagged", everybody), ("found", positive), ("alarms", ~positive))
    }
    gap = {name: _gap(known) for name, known in rates.items()}
    shares = rates["flagged"]
    odds = None if gap["found"] is None or gap["alarms"] is None else max(gap["found"], gap["alarms"])
    return {
        "attribute": attribute,
        "demographic_parity_difference": gap["flagged"],
        "demographic_parity_ratio": min(shares) / max(shares) if shares and max(shares) > 0 else None,
        "equal_opportunity_difference": gap["found"],
        "equalized_odds_difference": odds,
    }


def under_diagnosis(samples: ModelSamples, attributes: Sequence[str]) -> list[dict[str, Any]]:
    """Of those with the finding, how many are missed in each group (Seyyed-Kalantari et al. 2021, doi:10.1038/s41591-021-01595-0).

    Of a study of marks: of the lesions.
    """
    sample = samples.locked()
    if not {"flagged", "positive"} <= sample.rows.columns.keys():
        sample = samples.locked(needs=("lesion", "flagged"))
    truth = sample.rows.columns.get("positive", sample.rows.columns.get("lesion"))
    if truth is None or "flagged" not in sample.rows.columns:
        return []
    positive = np.asarray(truth, np.bool_)
    missed = positive & ~sample.rows["flagged"]
    found = []
    for attribute in attributes:
        levels = []
        for place in sample.groups.of(attribute):
            members = sample.groups.members[place]
            if not samples.shown(sample, members):
                continue
            count, of = int((members & missed).sum()), int((members & positive).sum())
            levels.append(
                {
                    "level": sample.groups.levels[place],
                    "missed": count,
                    "positives": of,
                    "share": count / of if of else None,
                }
            )
        known = [(one["share"], one["level"]) for one in levels if one["share"] is not None and one["level"] != MISSING]
        found.append({"attribute": attribute, "levels": levels, "worst": max(known)[1] if len(known) > 1 else None})
    return found


def _rates(
    samples: ModelSamples, sample: Sample, attribute: str, flagged: NDArray[np.bool_], among: NDArray[np.bool_]
) -> list[float]:
    """Of every known group; empty where one of them has no row to count."""
    known = [place for place in sample.groups.of(attribute) if sample.groups.levels[place] != MISSING]
    places = [place for place in known if samples.shown(sample, sample.groups.members[place])]
    chosen = [sample.groups.members[place] & among for place in places]
    return [float(flagged[rows].mean()) for rows in chosen] if all(rows.any() for rows in chosen) else []


def _gap(rates: Sequence[float]) -> float | None:
    return max(rates) - min(rates) if rates else None
