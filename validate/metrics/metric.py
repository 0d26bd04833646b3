"""A metric: rows → one number. One metric is one file with a METRIC; the contract test picks it up by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from validate.stats.limits import Limits
from validate.stats.tallies.tally import Tally

Array = NDArray[Any]
# Of a proportion: at the effective n that clusters leave, of independent rows, and by resampling. The first is the default.
PROPORTION_INTERVALS = (
    *("wilson_effective_n", "wilson", "clopper_pearson", "clopper_pearson_effective_n"),
    *("jeffreys", "jeffreys_effective_n", "bootstrap"),
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length, one entry per row, and the condition they are read under.

    Classification columns: "score" float64; "positive" bool (by the reference); "flagged" bool (score against
    the operating point). condition: threshold, prevalence, bins, … where a metric needs them.
    Under a worst- or best-case rule a failed row's score is -inf or +inf, and metrics with failures="scored"
    must accept that; metrics with failures="outputs_only" never see such rows.
    """

    columns: Mapping[str, Array]
    condition: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def where(self, keep: Array) -> Rows:
        return Rows({name: column[keep] for name, column in self.columns.items()}, self.condition)


@dataclass(frozen=True, slots=True)
class Values:
    """value : float64 (replicate, group), meaningless where not defined    defined : bool, the same shape"""

    value: NDArray[np.float64]
    defined: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FastPath:
    """How the resampling kernel computes a metric without knowing its name.

    tallies(rows) says what to sum; finish turns the sums, each (replicate, group[, level]), into values.
    """

    tallies: Callable[[Rows], tuple[Tally, ...]]
    finish: Callable[[tuple[NDArray[np.float64], ...], Rows], Values]


@dataclass(frozen=True, slots=True)
class Fraction:
    """A proportion's rows: numerator ⊆ denominator, bool (n,)."""

    numerator: NDArray[np.bool_]
    denominator: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """
    title : as printed, "Area under the ROC curve"      symbol : short, "AUROC"
    needs : columns it reads      condition : condition keys it needs      options : further keys an endpoint may set
    unit : "proportion" is printed as a percentage with its fraction, "proportion_difference" in percentage points, "index" and
        "count" as plain numbers
    analytic : by the name of a method, limits of the metric's own: (rows, cluster codes, level) → Limits; may raise Undefined
    resampled_by : the kind of bootstrap unless the protocol names one; "bca" for what chance alone pushes one way
    check_options : what is wrong with an endpoint's options, in words, or None      example : options that are right
    bounds : (low, high) of the value, each may be infinite      better : which way is good
    value : the definition: (rows, integer weights ≥ 0 of shape (n,)) → float; raises Undefined
    fast : None, or the kernel's path to the very same numbers
    fraction : for proportions of independent rows (sensitivity, PPV, …), else None
    of_row : (n,) float64, of what is the plain mean of a value of each row (Dice, a measured bias, Brier), that value; else None
    intervals : methods that are valid, the default first
    events : which rows an interval's precision hangs on
    prevalence_dependent : flagged when sampling was enriched
    failures : "scored" (a failed row counts as the rule says) or "outputs_only"
    explanation : one plain sentence for a reader who is no statistician
    source : DOI or standard
    """

    title: str
    symbol: str
    tasks: frozenset[str]
    needs: tuple[str, ...]
    value: Callable[[Rows, NDArray[np.int64]], float]
    intervals: tuple[str, ...]
    explanation: str
    source: str
    condition: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    unit: Literal["proportion", "proportion_difference", "index", "mm", "ml", "count"] = "index"
    bounds: tuple[float, float] = (0.0, 1.0)
    better: Literal["higher", "lower", "neither"] = "higher"
    fast: FastPath | None = None
    fraction: Callable[[Rows], Fraction] | None = None
    of_row: Callable[[Rows], NDArray[np.float64]] | None = None
    events: Literal["cases", "positives", "negatives", "flagged", "unflagged", "lesions"] = "cases"
    analytic: Mapping[str, Callable[[Rows, NDArray[np.int64], float], Limits]] = field(default_factory=dict)
    resampled_by: Literal["percentile", "bca"] = "percentile"
    check_options: Callable[[Mapping[str, float]], str | None] | None = None
    example: Mapping[str, float] = field(default_factory=dict)
    prevalence_dependent: bool = False
    failures: Literal["scored", "outputs_only"] = "scored"

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _of_counts(self.value))


def _of_counts(value: Callable[[Rows, NDArray[np.int64]], float]) -> Callable[[Rows, NDArray[np.int64]], float]:
    """The definition, refusing weights that are no counts of rows."""

    @wraps(value)
    def checked(rows: Rows, weights: NDArray[np.int64]) -> float:
        known = np.asarray(weights)
        if known.shape != (len(rows),) or known.dtype.kind not in "iu" or (known < 0).any():
            raise ValueError(
                f"weights of shape {known.shape} and type {known.dtype}; expected one whole number of 0 or more for each of the "
                f"{len(rows)} rows: how often it counts"
            )
        return value(rows, known)

    return checked
