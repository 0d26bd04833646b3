"""What it would take to decide: the size of a new study, planned from the value assumed in the lock.

Never from the value just seen: a study sized by its own result has no stated power.
"""

from __future__ import annotations

from dataclasses import dataclass

from validate.analyses.wording import metric_of
from validate.estimation.estimate import Estimate
from validate.protocol.question import Criterion
from validate.stats.sample_size import events_for_proportion, positives_for_auroc
from validate.verdict.limits import Goal

POWER = 0.80
LARGEST = 20_000
AUROC = "classification.auroc"


@dataclass(frozen=True, slots=True)
class NewStudy:
    """events : independent events with which the goal is met with 80% power; positives for a sensitivity or an AUROC.

    as_many_negatives : the plan is for as many negatives again
    """

    events: int
    assumed: float
    as_many_negatives: bool = False


def new_study(criterion: Criterion, goal: Goal, estimate: Estimate) -> NewStudy | None:
    """The study that a criterion on a proportion or an AUROC asks for, or None.

    None where the protocol assumes nothing, where what it assumes would not meet the goal, for other measures, or where
    over 20,000 events would be needed.
    """
    assumed = criterion.assumed
    if assumed is None or assumed == goal.value or not goal.met_by(assumed, assumed):
        return None
    if not (0 < assumed < 1 and 0 < goal.value < 1):
        return None
    level = estimate.interval.level if estimate.interval is not None else 0.95
    auroc = estimate.metric == AUROC and goal.direction == "at_least"
    if not auroc and metric_of(estimate).fraction is None:
        return None
    if goal.value * (1 - goal.value) > LARGEST * (assumed - goal.value) ** 2:
        return None  # even one standard error apart takes more events than anybody plans for
    sized = positives_for_auroc if auroc else events_for_proportion
    events = sized(assumed=assumed, goal=goal.value, power=POWER, level=level)
    return NewStudy(events, assumed, as_many_negatives=auroc) if events <= LARGEST else None
