"""Where an interval method may decide: the sizes below which it would let too many bad models pass.

With the truth at the goal, a method may pass a model in at most 2.5% of studies (half of 1 - level). A method that can't
hold this at a size answers too_few there. What counts are patients, not images, of the class that the metric hangs on;
the rule looks at sizes and at the locked goal, never at the result.

Measured with the truth at the goal by tests/benchmarks/false_pass_study.py, in percent of 10,000 studies a cell (Monte-Carlo
error 0.16). First classes balanced and spreads equal; after the stroke the worst of twelve cells: balanced, 1:4 and 4:1,
positives spread twice or half as wide as negatives, scores cut into five points.

    patients in the rarer class       15          20          25          50         100         150
    goal 0.80, delong          8.1 / 9.4   6.8 / 8.2   6.2 / 7.1   4.9 / 5.3   3.8 / 4.2
    goal 0.80, delong_logit    1.7 / 4.2   2.0 / 3.5   2.0 / 3.0   2.5 / 2.9   2.2 / 2.6
    goal 0.80, obuchowski      0.9 / 3.2   1.2 / 2.7   1.5 / 2.5   2.1 / 2.7   2.0 / 2.5
    goal 0.90, delong                                  9.1 / 11.6  7.0 / 7.6   5.2 / 5.7   4.5 / 5.3
    goal 0.90, delong_logit                            2.3 / 5.7   2.4 / 3.5   2.3 / 2.9   2.4 / 3.0
    goal 0.90, obuchowski                              1.8 / 5.0   2.1 / 3.2   2.1 / 2.8   2.3 / 2.8
    goal 0.95, delong                                              9.0 / 12.4  6.5 / 8.6
    goal 0.95, delong_logit                                        2.7 / 6.2   2.3 / 4.0
    goal 0.95, obuchowski                                          2.3 / 5.8   2.1 / 3.9

Plain delong is at 2.75 with 1,000 patients in each class and 2.59 with 3,000 (goal 0.80), and at 2.64 with 10,000 (0.90).
With 200 patients and a goal of 0.95: delong 5.4 / 6.1, delong_logit 2.5 / 3.0, obuchowski 2.4 / 2.9; the minimum is a step
above. Elsewhere a minimum is where balanced classes are within 2.5 and no cell lies above 3.0. Obuchowski with one to three
images a patient that share their noise (6,000 studies a cell): 1.8 to 2.2 with 25 patients (0.80), 2.2 to 2.5 with 50 (0.80),
2.6 to 3.0 with 100 (0.90).

Bootstrap, 1,000 to 2,000 studies a cell (error 0.4), with 15, 50, 50 and 200, and 150 patients: goal 0.80, percentile 6.2,
4.1, 4.3 and 2.6, BCa 2.1, 2.6, 2.8 and 2.1; goal 0.90, percentile 9.2, 5.3, 6.1 and 3.6, BCa 2.9, 2.3, 3.9 and 2.6. Minima
beyond these sizes are carried on as one over the root of n; those of studentised limits are taken to be BCa's.

Proportions, exact for independent rows: Wilson's limit lies between 0 and 3.9 at 20, 30 and 100 events (2.53 for a goal of
0.80 at 100 events; 3.02 for 0.70 at 30). Where it is above 2.5 at the number of events at hand, Clopper–Pearson's limits,
which never are, take its place, and the interval is named so. With one to three images a patient (intra-patient correlation
0.2 to 0.9, goals 0.6 to 0.95, 20 to 100 patients, 20,000 studies a cell) wilson_effective_n lies between 0 and 2.8. Percentile
limits of a proportion are at 3.6 with 200 events and a goal of 0.80, and at 2.8 with 1,500. Minima of other bootstraps of
proportions and of other metrics are judgement, not measured.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np

from validate.estimation.cluster_words import PATIENT, clusters_in_words
from validate.stats.limits import Limits, tail
from validate.stats.sample_size import size_at_goal

FEWEST_CLUSTERS = 10  # patients behind a bootstrap: with fewer, its replicates are too few different studies
FEWEST_OF_A_CLASS = 5  # patients with an event, behind any interval that is not a proportion's own
EXACT_UP_TO = 10_000  # events; beyond this Wilson's excess is under 0.02 percentage points


@dataclass(frozen=True, slots=True)
class Minimum:
    """Patients needed for goals up to 0.8, 0.9 and 0.95; nearer to 1 the last grows as 1/(1 - goal)."""

    up_to_80: int
    up_to_90: int
    up_to_95: int

    def patients(self, goal: float) -> int:
        """Needed for this goal; goals below 0.5 mirror those above."""
        hard = max(goal, 1.0 - goal)
        place = bisect_left((0.8, 0.9, 0.95), hard - 1e-9)
        if place == 3:
            return ceil(self.up_to_95 * 0.05 / max(1.0 - hard, 1e-6))
        return (self.up_to_80, self.up_to_90, self.up_to_95)[place]


# method of an AUROC → patients in the rarer class
AUROC = {
    "obuchowski": Minimum(25, 100, 300),
    "delong_logit": Minimum(50, 150, 400),
    "delong": Minimum(3000, 10_000, 25_000),
    "bootstrap": Minimum(500, 1500, 5000),
    "bootstrap_bca": Minimum(50, 150, 300),
    "bootstrap_studentised": Minimum(50, 150, 300),
}
# bootstrap of a proportion → patients in its denominator
PROPORTION = {
    "bootstrap": Minimum(1500, 3000, 5000),
    "bootstrap_bca": Minimum(200, 400, 800),
    "bootstrap_studentised": Minimum(200, 400, 800),
}
# bootstrap of anything else → patients
OTHER = {
    "cluster_robust": Minimum(100, 100, 200),
    "bootstrap": Minimum(100, 100, 200),
    "bootstrap_bca": Minimum(50, 50, 100),
    "bootstrap_studentised": Minimum(50, 50, 100),
}
IN_WORDS = {
    "bootstrap": "limits by plain resampling",
    "delong": "DeLong's limits",
    "delong_logit": "DeLong's limits on a logit",
}
BETTER = {
    "delong": "delong_logit or obuchowski",
    "delong_logit": "obuchowski",
    "bootstrap": "a bootstrap of kind bca, or the metric's analytic interval",
}


def shortfall(
    minima: Mapping[str, Minimum],
    method: str,
    *,
    goal: float | None,
    clusters: int,
    who: str = PATIENT,
    where: str = "",
) -> str | None:
    """Why the method may not decide about this goal at this size, or None where it may.

    who : what a cluster is      where : which of them count, such as "in the rarer class"
    """
    if goal is None or method not in minima:
        return None
    needed = minima[method].patients(goal)
    if clusters >= needed:
        return None
    by = IN_WORDS.get(method) or f"{'resampled' if method.startswith('bootstrap') else method.replace('_', ' ')} limits"
    advice = f" Use {BETTER[method]}." if method in BETTER else ""
    few = " ".join(filter(None, (clusters_in_words(clusters, who), where)))
    return (
        f"{few}: too few for {by} to decide about a goal of {goal:g}. It takes {needed}; with fewer, more than 2.5% of "
        f"models that are only at the goal would pass.{advice}"
    )


def too_small(*, clusters: int | None = None, of_a_class: int | None = None, who: str = PATIENT) -> str | None:
    """Why no interval is made at all at this size, or None. Each count is checked where it is given.    who : what a cluster is"""
    if clusters is not None and clusters < FEWEST_CLUSTERS:
        return f"{clusters_in_words(clusters, who)}: an interval by resampling needs at least {FEWEST_CLUSTERS}."
    if of_a_class is not None and of_a_class < FEWEST_OF_A_CLASS:
        return f"{clusters_in_words(of_a_class, who)} with an event: an interval needs at least {FEWEST_OF_A_CLASS}."
    return None


def proportion_holds(method: Callable[..., Limits], events: int, *, goal: float, at_least: bool, level: float) -> bool:
    """Whether the method's limit passes at most (1 - level)/2 of models at the goal, with so many independent events.

    Exact, by summing over every possible count.
    """
    if events > EXACT_UP_TO:
        return True
    limits = method(np.arange(events + 1), events, level=level)
    lower, target = (limits.low, goal) if at_least else (1.0 - limits.high[::-1], 1.0 - goal)
    return size_at_goal(events, lower, target) <= tail(level)
