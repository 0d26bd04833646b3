"""Who is imaged where: the mix of each covariate, and of the truth, on each level of an acquisition attribute.

Association is Cramér's V with Bergsma's correction, 0 none and 1 whole (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002). A covariate that
is bound up with the scanner and with how hard a case is can look like the scanner's own weakness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.samples import ModelSamples
from validate.analyses.wording import attribute_words, sentence_case
from validate.estimation.sample import Sample
from validate.results.levels import MISSING

TRUTH = "reference"


def confounding(samples: ModelSamples, attribute: str, covariates: Sequence[str]) -> list[dict[str, Any]]:
    """[{"covariate", "label", "association", "levels": [name], "rows": [{"level", "cases", "patients", "shares": [share]}]}].

    The truth comes last, as the covariate "reference". Levels with fewer patients than may be told of are left out.
    """
    sample = samples.locked()
    places = [
        place for place in sample.groups.of(attribute)
        if sample.groups.levels[place] != MISSING and samples.shown(sample, sample.groups.members[place])
    ]  # fmt: skip
    return [_table(sample, places, *one) for one in _covariates(sample, covariates)] if places else []


def _covariates(sample: Sample, names: Sequence[str]) -> Iterator[tuple[str, str, list[str], NDArray[np.bool_]]]:
    for name in names:
        of_name = sample.groups.of(name)
        levels = [str(sample.groups.levels[place]) for place in of_name]
        yield name, sentence_case(attribute_words(name)), levels, sample.groups.members[of_name]
    if "positive" in sample.rows.columns:
        positive = np.asarray(sample.rows["positive"], np.bool_)
        yield TRUTH, "Truth", ["with", "without"], np.stack([positive, ~positive])


def _table(
    sample: Sample, places: Sequence[int], name: str, label: str, levels: list[str], members: NDArray[np.bool_]
) -> dict[str, Any]:
    counts = np.array(
        [[sample.cases(members[at] & sample.groups.members[place]) for at in range(len(levels))] for place in places]
    )
    return {
        "covariate": name,
        "label": label,
        "association": cramers_v(counts),
        "levels": levels,
        "rows": [
            {
                "level": str(sample.groups.levels[place]),
                "cases": int(row.sum()),
                "patients": len(np.unique(sample.patient[sample.groups.members[place]])),
                "shares": [float(share) for share in row / max(row.sum(), 1)],
            }
            for place, row in zip(places, counts, strict=True)
        ],
    }


def cramers_v(counts: NDArray[np.int64]) -> float | None:
    """Bias-corrected; None where one side has a single level."""
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.float64)
    rows, columns = table.shape
    n = table.sum()
    if min(rows, columns) < 2 or n < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    square = float(((table - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, square - (rows - 1) * (columns - 1) / (n - 1))
    smaller = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(corrected / smaller)) if smaller > 0 else None
