"""What it would take to decide: the size of a new study, planned from the value assumed in the lock.

Never from the value just seen: a study sized by its own result has no stated power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, norm

from validate.analyses.wording import metric_of
from validate.estimation.estimate import Estimate
from validate.protocol.schema import Criterion
from validate.verdict.limits import Goal

POWER = 0.80
LARGEST = 20_000


@dataclass(frozen=True, slots=True)
class NewStudy:
    """events : independent events (positives for a sensitivity) with which the goal is met with 80% power."""

    events: int
    assumed: float


def new_study(criterion: Criterion, goal: Goal, estimate: Estimate) -> NewStudy | None:
    """The study that a criterion on a proportion asks for, or None.

    None where the protocol assumes nothing, where what it assumes would not meet the goal, where the measure is no
    proportion of independent events, or where over 20,000 events would be needed.
    """
    assumed, interval = criterion.assumed, estimate.interval
    if assumed is None or metric_of(estimate).fraction is None or not goal.met_by(assumed, assumed):
        return None
    level = interval.level if interval is not None else 0.95
    mirror = goal.direction == "at_most"
    events = _events(1 - assumed if mirror else assumed, 1 - goal.value if mirror else goal.value, level)
    return None if events is None else NewStudy(events, assumed)


def _events(assumed: float, goal: float, level: float) -> int | None:
    """Smallest n at which the exact power of "Wilson's lower limit >= goal" first reaches 80%.

    Wilson's limit is at or above the goal where k >= n·g + z·sqrt(n·g·(1-g)). Wilson 1927, doi:10.2307/2276774.
    """
    n = np.arange(1, LARGEST + 1)
    needed = np.ceil(n * goal + norm.ppf((1 + level) / 2) * np.sqrt(n * goal * (1 - goal)) - 1e-9)
    power = np.where(needed <= n, binom.sf(needed - 1, n, assumed), 0.0)
    enough = np.flatnonzero(power >= POWER)
    return int(n[enough[0]]) if enough.size else None
