"""Two proportions of the same rows, such as two models' sensitivities on the same positives: differences and tests.

A table is (both, first_only, second_only, neither): how many rows both models got right, only the first, only the second,
none. Rows are taken as independent; of clustered rows use the bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from validate.errors import Undefined
from validate.stats.limits import Limits, normal_quantile
from validate.stats.proportion import wilson

STEPS = 80  # bisections: far below float64's resolution on [-1, 1]


@dataclass(frozen=True, slots=True)
class PairedTable:
    """Counts of rows. Raises ValueError where one is negative, or all are 0."""

    both: int
    first_only: int
    second_only: int
    neither: int

    def __post_init__(self) -> None:
        counts = (self.both, self.first_only, self.second_only, self.neither)
        if not _are_counts(counts) or sum(counts) == 0:
            raise ValueError(f"a paired table of {counts}; expected whole numbers of 0 or more, and at least one row")

    @property
    def rows(self) -> int:
        """How many."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def difference(self) -> float:
        """First share less second share."""
        return (self.first_only - self.second_only) / self.rows


def newcombe_paired(table: PairedTable, *, level: float = 0.95) -> Limits:
    """Score-based limits of the difference (Newcombe 1998, method 10, PMID 9839354)."""
    n, first, second = table.rows, table.both + table.first_only, table.both + table.second_only
    one, two = wilson(first, n, level=level), wilson(second, n, level=level)
    p1, p2 = first / n, second / n
    below_1, above_1 = p1 - float(one.low), float(one.high) - p1
    below_2, above_2 = p2 - float(two.low), float(two.high) - p2
    phi = _phi(table)
    low = below_1**2 - 2 * phi * below_1 * above_2 + above_2**2
    high = above_1**2 - 2 * phi * above_1 * below_2 + below_2**2
    difference = table.difference
    return Limits(
        np.asarray(max(difference - float(np.sqrt(max(low, 0.0))), -1.0)),
        np.asarray(min(difference + float(np.sqrt(max(high, 0.0))), 1.0)),
    )


def tango(table: PairedTable, *, level: float = 0.95) -> Limits:
    """Score limits of the difference (Tango 1998, PMID 9595618): where the score statistic crosses ± z."""
    z, difference = normal_quantile(level), table.difference
    return Limits(
        np.asarray(_crossing(table, -1.0, difference, z)),
        np.asarray(_crossing(table, difference, 1.0, -z)),
    )


def tango_statistic(table: PairedTable, difference: float) -> float:
    """Standard normal where the true difference is this one. Infinite where such a difference can't have been.

    Raises ValueError unless the difference lies between -1 and 1.
    """
    if not -1 <= difference <= 1:
        raise ValueError(f"a difference of proportions of {difference}; expected -1 to 1")
    n, b, c = table.rows, table.first_only, table.second_only
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    share = (np.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    excess = b - c - n * difference
    if variance <= 0:
        return 0.0 if excess == 0 else float(np.sign(excess)) * np.inf
    return float(excess / np.sqrt(variance))


def noninferiority_p(table: PairedTable, *, margin: float) -> float:
    """One-sided p of "the first is worse by the margin or more" (Tango's score test).

    Raises ValueError unless 0 ≤ margin < 1.
    """
    if not 0 <= margin < 1:
        raise ValueError(f"a margin of {margin}; expected 0 or more and below 1, such as 0.05")
    return float(scipy.special.ndtr(-tango_statistic(table, -margin)))


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two-sided p-values of "both are right equally often"; None where no row is discordant and there is no χ².

    exact : binomial, never too small      mid_p : half of the observed table's probability, closer to its name
    chi_squared, asymptotic : without continuity correction
    """

    exact: float
    mid_p: float
    chi_squared: float | None
    asymptotic: float | None


def mcnemar(table: PairedTable) -> McNemar:
    """McNemar 1947, doi:10.1007/BF02295996; mid-p as in Fagerland, Lydersen & Laake 2013, doi:10.1186/1471-2288-13-91."""
    fewer, discordant = min(table.first_only, table.second_only), table.first_only + table.second_only
    if discordant == 0:
        return McNemar(1.0, 1.0, None, None)
    tail = float(scipy.special.bdtr(fewer, discordant, 0.5))
    at = tail - (float(scipy.special.bdtr(fewer - 1, discordant, 0.5)) if fewer else 0.0)
    exact = min(1.0, 2 * tail)
    mid = 1.0 - at if table.first_only == table.second_only else 2 * tail - at
    statistic = (table.first_only - table.second_only) ** 2 / discordant
    return McNemar(exact, mid, statistic, float(2 * scipy.special.ndtr(-np.sqrt(statistic))))


@dataclass(frozen=True, slots=True)
class PredictiveTable:
    """Rows by truth and by which model says so; for PPV "says so" is a flag, for NPV its lack.

    right_* : rows where saying so is right (with the finding, for PPV)      wrong_* : the others
    """

    right_both: int
    right_first: int
    right_second: int
    wrong_both: int
    wrong_first: int
    wrong_second: int

    def __post_init__(self) -> None:
        counts = tuple(getattr(self, name) for name in self.__slots__)
        if not _are_counts(counts):
            raise ValueError(f"a table of predictive values of {counts}; expected whole numbers of 0 or more")


@dataclass(frozen=True, slots=True)
class PredictiveTest:
    """first, second : the two predictive values      statistic : χ² with one degree of freedom      p : two-sided"""

    first: float
    second: float
    statistic: float
    p: float


def weighted_generalised_score(table: PredictiveTable) -> PredictiveTest:
    """Equality of two predictive values on the same rows (Kosinski 2013, doi:10.1002/sim.5587).

    Not McNemar: the denominators are chosen by the models. Raises Undefined where a model never says so, or where the
    two are right and wrong on just the same rows.
    """
    right = table.right_both + table.right_first, table.right_both + table.right_second
    wrong = table.wrong_both + table.wrong_first, table.wrong_both + table.wrong_second
    said = right[0] + wrong[0], right[1] + wrong[1]
    if min(said) == 0:
        raise Undefined("two predictive values need rows that each model says so of: one of them has none")
    values, pooled = (right[0] / said[0], right[1] / said[1]), sum(right) / sum(said)
    shared = (table.right_both * (1 - pooled) ** 2 + table.wrong_both * pooled**2) / sum(said)
    variance = (pooled * (1 - pooled) - 2 * shared) * (1 / said[0] + 1 / said[1])
    if variance <= 1e-15:
        raise Undefined("the two predictive values do not vary: both models say so of the same rows")
    statistic = (values[0] - values[1]) ** 2 / variance
    return PredictiveTest(*values, statistic, float(2 * scipy.special.ndtr(-np.sqrt(statistic))))


def _are_counts(counts: tuple[float, ...]) -> bool:
    return all(count >= 0 and float(count).is_integer() for count in counts)


def _phi(table: PairedTable) -> float:
    """Correlation of the two, with Newcombe's continuity correction where it is positive."""
    a, b, c, d = table.both, table.first_only, table.second_only, table.neither
    scale = float(a + b) * (c + d) * (a + c) * (b + d)
    if scale == 0:
        return 0.0
    apart = a * d - b * c
    return float((max(apart - table.rows / 2, 0.0) if apart > 0 else apart) / np.sqrt(scale))


def _crossing(table: PairedTable, low: float, high: float, target: float) -> float:
    """Where the falling score statistic crosses the target."""
    if tango_statistic(table, high) > target:
        return high
    if tango_statistic(table, low) < target:
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2
        if tango_statistic(table, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2
