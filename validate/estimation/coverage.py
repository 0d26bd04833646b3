"""What our own simulations say of an interval at a size: how often it held the truth, and a warning where that was not 95%.

The table is made by tests/benchmarks/coverage_study.py (docs/statistics/coverage.md) and travels in the package.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import log

from validate.cohort.case import Cohort
from validate.estimation.pair import Pair, pairs_of
from validate.estimation.plan import Plan, plans_of
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol

NOMINAL = (0.935, 0.965)  # coverage that still goes as 95%
MOST_WITHOUT = 0.5  # share of studies without an interval over which coverage says little
LIKE = {
    "wilson": "wilson_effective_n",
    "clopper_pearson": "clopper_pearson_effective_n",
    "jeffreys": "jeffreys_effective_n",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the study. prevalence : None for proportions, whose patients are those of the denominator; of a difference of two
    models, the correlation of their noise."""

    metric: str
    method: str
    patients: int
    prevalence: float | None
    truth: float
    images: int
    correlation: float
    simulations: int
    none: float
    coverage: float
    missed_low: float
    missed_high: float
    width: float

    @property
    def rarer(self) -> float:
        """Patients expected in the rarer class."""
        return (
            self.patients * min(self.prevalence, 1 - self.prevalence) if self.prevalence is not None else self.patients
        )


@cache
def cells() -> tuple[Cell, ...]:
    """The whole table."""
    text = resources.files("validate.estimation").joinpath("coverage.csv").read_text(encoding="utf-8")
    return tuple(
        Cell(
            row["metric"], row["method"], int(row["patients"]), float(row["prevalence"]) if row["prevalence"] else None,
            *(float(row["truth"]), int(row["images"]), float(row["correlation"]), int(row["simulations"])),
            *(float(row[name]) for name in ("none", "coverage", "missed_low", "missed_high", "width")),
        )
        for row in csv.DictReader(text.splitlines())
    )  # fmt: skip


def nearest(metric: str, method: str, *, patients: float, rarer: float, truth: float, images: float) -> Cell | None:
    """The most like cell; of several correlations within a patient the one that covered worst. None for unknown methods."""
    known = [cell for cell in cells() if cell.metric == metric and cell.method == LIKE.get(method, method)]
    if not known:
        return None

    def apart(cell: Cell) -> float:
        return (
            abs(log(cell.patients / max(patients, 1.0))) + abs(log(max(cell.rarer, 1.0) / max(rarer, 1.0)))
            + 5 * abs(log((1 - cell.truth) / max(1 - truth, 1e-3))) / log(50) + abs(log(cell.images / max(images, 1.0)))
        )  # fmt: skip

    least = min(apart(cell) for cell in known)
    return min((cell for cell in known if apart(cell) <= least + 1e-9), key=lambda cell: cell.coverage)


def cohort_warnings(protocol: StudyProtocol, cohort: Cohort) -> tuple[str, ...]:
    """`coverage_warnings` for the patients and rows that are in."""
    patients = len({case.patient for case in cohort.cases})
    return coverage_warnings(protocol, patients=patients, rows=len(cohort.cases))


def coverage_warnings(protocol: StudyProtocol, *, patients: int, rows: int) -> tuple[str, ...]:
    """A sentence for each criterion whose interval, at this size, did not hold the truth as often as it says.

    Labels are not looked at: in an enriched sample half the patients are taken to have the finding, else the share is the
    middle one of cohort.prevalence; without one nothing is said. The truth is taken to be at the goal.
    """
    if patients < 1:
        return ()
    return tuple(dict.fromkeys(_warnings(protocol, patients, rows / patients)))


def _warnings(protocol: StudyProtocol, patients: int, images: float) -> Iterator[str]:
    share = _share(protocol)
    plans = {plan.endpoint: plan for plan in plans_of(protocol)}
    for criterion in protocol.acceptance:
        plan, goal = plans.get(criterion.endpoint), _goal(criterion)
        if plan is None or share is None or goal is None or criterion.worst_of is not None:
            continue
        found = _cell(plan, patients, share, goal, images)
        if found is not None and _off(found):
            yield _sentence(criterion.endpoint, plan.method, found, patients, images)
    for pair in pairs_of(protocol, tuple(plans.values())):
        found = (
            _difference_cell(pair, patients, share, images) if pair.declared is not None and share is not None else None
        )
        if found is not None and _off(found):
            yield _sentence(f"the difference in {pair.plan.endpoint}", pair.method, found, patients, images)


def _off(cell: Cell) -> bool:
    return cell.none < MOST_WITHOUT and not NOMINAL[0] <= cell.coverage <= NOMINAL[1]


def _difference_cell(pair: Pair, patients: int, share: float, images: float) -> Cell | None:
    """The most like cell of a paired difference: of those with as many patients and images, the one that covered worst."""
    short = pair.plan.name.rpartition(".")[2]
    part = {"auroc": 1.0, "sensitivity": share, "specificity": 1 - share, "accuracy": 1.0}.get(short)
    kind = "auroc_difference" if short == "auroc" else "proportion_difference"
    known = [cell for cell in cells() if cell.metric == kind and cell.method == f"{pair.method}_paired"]
    if part is None or not known:
        return None

    def apart(cell: Cell) -> float:
        return abs(log(cell.patients / max(patients * part, 1.0))) + abs(log(cell.images / max(images, 1.0)))

    least = min(apart(cell) for cell in known)
    return min((cell for cell in known if apart(cell) <= least + 1e-9), key=lambda cell: cell.coverage)


def _cell(plan: Plan, patients: int, share: float, goal: float, images: float) -> Cell | None:
    short = plan.name.rpartition(".")[2]
    if short == "auroc":
        rarer = patients * min(share, 1 - share)
        return nearest("auroc", plan.method, patients=patients, rarer=rarer, truth=goal, images=images)
    part = {"sensitivity": share, "specificity": 1 - share, "accuracy": 1.0}.get(short)
    if part is None:
        return None
    inside = max(patients * part, 1.0)
    return nearest("proportion", plan.method, patients=inside, rarer=inside, truth=max(goal, 1 - goal), images=images)


def _share(protocol: StudyProtocol) -> float | None:
    if protocol.cohort.sampling == "enriched":
        return 0.5
    stated: Sequence[float] = protocol.cohort.prevalence.values if protocol.cohort.prevalence is not None else ()
    inside = [value for value in stated if 0 < value < 1]
    return inside[len(inside) // 2] if inside else None


def _goal(criterion: Criterion) -> float | None:
    goal = criterion.at_least if criterion.at_least is not None else criterion.at_most
    return goal if goal is not None and 0 < goal < 1 else None


def _sentence(what: str, method: str, cell: Cell, patients: int, images: float) -> str:
    paired = "models correlated by" if cell.metric.endswith("difference") else "at a prevalence of"
    where = f"{cell.patients:,} patients" + (f" {paired} {cell.prevalence:g}" if cell.prevalence else "")
    return (
        f"'{what}': with {patients:,} patients and {images:.3g} rows each, {method.replace('_', ' ')} limits "
        f"may not be what they say: in our nearest simulations ({where}, {cell.images} each, truth {cell.truth:g}) 95% limits held "
        f"the truth in {cell.coverage:.1%} ({cell.missed_low:.1%} lay wholly above it, {cell.missed_high:.1%} wholly below). "
        "See docs/statistics/coverage.md for sizes and methods that do."
    )
