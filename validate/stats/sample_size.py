"""How many cases a new study needs, from the value that the protocol assumed: never from the one just seen."""

from __future__ import annotations

from math import ceil

import numpy as np
import scipy

from validate.stats.limits import Array, normal_quantile
from validate.stats.proportion import wilson

MOST = 1_000_000


def events_for_proportion(
    *, assumed: float, goal: float, power: float = 0.8, level: float = 0.95, design_effect: float = 1.0
) -> int:
    """Smallest number of events at which the Wilson limit meets the goal with the power asked for.

    goal below assumed: the lower limit has to reach it; above: the upper limit has to stay under it. Exact binomial
    power. It saws up and down with n, so that a few more are wise. Multiplied by the design effect of clustered rows.
    Raises ValueError where assumed equals goal, or a value lies outside (0, 1).
    """
    _check(assumed, goal, power)
    if design_effect < 1:
        raise ValueError(f"the design effect is {design_effect}; expected at least 1")
    if assumed < goal:  # the mirror image: misses instead of hits
        assumed, goal = 1 - assumed, 1 - goal
    n = max(1, _first_guess(assumed, goal, power, level) // 2)
    while proportion_power(n, assumed=assumed, goal=goal, level=level) < power:
        n += 1
        if n > MOST:
            raise ValueError(f"more than {MOST:,} events: {assumed} and {goal} are too close to tell apart")
    while n > 1 and proportion_power(n - 1, assumed=assumed, goal=goal, level=level) >= power:
        n -= 1
    return ceil(n * design_effect)


def proportion_power(n: int, *, assumed: float, goal: float, level: float = 0.95) -> float:
    """Chance that the lower Wilson limit of n events is at least the goal, when the truth is `assumed`.

    Raises ValueError for n below 1, or shares outside (0, 1).
    """
    if n < 1:
        raise ValueError(f"got {n} events; expected at least 1")
    for name, value in (("assumed", assumed), ("goal", goal)):
        _check_share(name, value)
    counts = np.arange(n + 1)
    enough = np.flatnonzero(wilson(counts, n, level=level).low >= goal)
    return _above(int(enough[0]), n, assumed) if enough.size else 0.0


def size_at_goal(n: int, limits: Array, goal: float) -> float:
    """Chance of passing with the truth at the goal, where lower limits (n+1,) belong to 0 … n successes. Exact."""
    enough = np.flatnonzero(limits >= goal)
    if enough.size == 0:
        return 0.0
    return _above(int(enough[0]), n, goal)


def positives_for_auroc(
    *,
    assumed: float,
    goal: float,
    power: float = 0.8,
    level: float = 0.95,
    negatives_per_positive: float = 1.0,
    design_effect: float = 1.0,
) -> int:
    """Positive cases needed, with so many negatives for each, by Hanley & McNeil's variance (doi:10.1148/radiology.143.1.7063747).

    On the logit scale, as the interval is: |logit assumed - logit goal| ≥ (z_level + z_power) · error.
    Raises ValueError as `events_for_proportion`.
    """
    _check(assumed, goal, power)
    if not negatives_per_positive > 0:
        raise ValueError(f"negatives per positive is {negatives_per_positive}; expected a number above 0")
    needed = (normal_quantile(level) + float(scipy.special.ndtri(power))) / (assumed * (1 - assumed))
    distance = abs(np.log(assumed / (1 - assumed)) - np.log(goal / (1 - goal)))
    low, high = 2, MOST
    if needed * np.sqrt(hanley_mcneil_variance(assumed, high, high * negatives_per_positive)) > distance:
        raise ValueError(f"more than {MOST:,} positives: {assumed} and {goal} are too close to tell apart")
    while low < high:
        middle = (low + high) // 2
        error = np.sqrt(hanley_mcneil_variance(assumed, middle, max(2.0, middle * negatives_per_positive)))
        low, high = (low, middle) if needed * error <= distance else (middle + 1, high)
    return ceil(low * design_effect)


def hanley_mcneil_variance(auroc: float, positives: float, negatives: float) -> float:
    """Variance of an AUROC under the exponential model. Raises ValueError for no case of a class, or an AUROC outside (0, 1)."""
    _check_share("auroc", auroc)
    if not (positives > 0 and negatives > 0):
        raise ValueError(f"got {positives} positives and {negatives} negatives; expected more than 0 of both")
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    spread = auroc * (1 - auroc) + (positives - 1) * (q1 - auroc**2) + (negatives - 1) * (q2 - auroc**2)
    return spread / (positives * negatives)


def _above(successes: int, n: int, truth: float) -> float:
    return 1.0 if successes == 0 else float(scipy.special.bdtrc(successes - 1, n, truth))


def _first_guess(assumed: float, goal: float, power: float, level: float) -> int:
    z, zp = normal_quantile(level), float(scipy.special.ndtri(power))
    numerator = z * np.sqrt(goal * (1 - goal)) + zp * np.sqrt(assumed * (1 - assumed))
    return int((numerator / (assumed - goal)) ** 2)


def _check(assumed: float, goal: float, power: float) -> None:
    for name, value in (("assumed", assumed), ("goal", goal), ("power", power)):
        _check_share(name, value)
    if assumed == goal:
        raise ValueError(f"assumed and goal are both {goal}: no study is large enough to tell them apart")


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}; expected a number between 0 and 1")
