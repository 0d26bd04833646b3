"""The share of lesions that is found: of all of them, or of those of one size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import FOUND, THERE
from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.segmentation.column import TASKS, column
from validate.stats.tallies.sum import Sum


def lesion_share(title: str, of_which: str, suffix: str) -> Metric:
    """Suffix : of the two columns that count lesions found and lesions there are."""
    found, there = f"{FOUND}{suffix}", f"{THERE}{suffix}"

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        """A case with many lesions counts for many. Raises Undefined without a lesion."""
        hits, lesions = (int((weights * column(rows, name)).sum()) for name in (found, there))
        if not lesions:
            raise Undefined(f"{title} needs a lesion in the reference: there is none")
        return hits / lesions

    return Metric(
        title=title,
        symbol=title,
        tasks=TASKS,
        needs=(found, there),
        value=value,
        fast=FastPath(lambda rows: tuple(Sum(column(rows, name)) for name in (found, there)), finish),
        unit="proportion",
        intervals=("bootstrap",),
        resampled_by="bca",
        explanation=f"{of_which[:1].upper()}{of_which[1:]}, the share that a predicted lesion matches by the protocol's rule.",
        source="Maier-Hein et al. 2024, Metrics reloaded, doi:10.1038/s41592-023-02151-z",
    )


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))
