"""Specificity at a fixed sensitivity: the best that a threshold set on these very data would reach. No operating point."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.classification.stretch import Stretch
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Highest specificity of any threshold whose sensitivity is at least the one stated; a threshold never splits ties.

    A staircase: nothing is interpolated between thresholds. Raises Undefined unless both classes carry weight.
    """
    _, reached, total, _ = _stretch(rows).parts(rows, weights, "Specificity at a fixed sensitivity")
    return reached / total


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    _, reached, total, others = np.moveaxis(sums[0], -1, 0)
    found = ratio(reached, total)
    return Values(found[0], found[1] & (others > 0))


def check(options: Mapping[str, float]) -> str | None:
    """What is wrong with the options."""
    fixed = options.get("sensitivity")
    if fixed is None or not 0 < fixed < 1:
        return f"got {fixed}, expected sensitivity: a number between 0 and 1, such as 0.9"
    return None


def _stretch(rows: Rows) -> Stretch:
    rate = 1.0 - rows.condition["sensitivity"]
    return Stretch(rate, rate, swapped=True)


METRIC = Metric(
    title="Specificity at fixed sensitivity",
    symbol="Specificity at fixed sensitivity",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (_stretch(rows).tally(rows),), finish),
    options=("sensitivity",),
    check_options=check,
    example={"sensitivity": 0.8},
    intervals=("bootstrap",),
    events="negatives",
    explanation="The specificity that a threshold chosen on these very data would reach while keeping the stated sensitivity. It compares "
    "models; it promises nothing for the locked threshold.",
    source="Zhou, Obuchowski & McClish 2011, Statistical Methods in Diagnostic Medicine, 4.3; doi:10.1002/9780470906514",
)
