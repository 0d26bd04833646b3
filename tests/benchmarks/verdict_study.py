"""How often a verdict passes a model that is only at its goal: `python tests/benchmarks/verdict_study.py --out runs/verdicts`.

The whole decision of the product is simulated: the interval that was locked, the rule that refuses small samples, limits that
hold for all levels at once, and the three-valued judgement of one goal or of every level (`worst_of`). Sensitivity is judged by
Wilson's limits at the effective n, AUROC by Obuchowski's. A patient has one image, or three whose noise is half shared.

overall : the truth is at the goal
one weak level : four levels of equal size; one is at the goal, the others well above it, the case in which a false PASS is likeliest
every level at the goal : a FAIL of any level is then false

Each cell is a CSV in --out, skipped where it is there, so that the study can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from validate.estimation.estimate import Estimate
from validate.estimation.estimator import estimate_sample
from validate.estimation.groups import Groups
from validate.estimation.plan import Goal as Faced
from validate.estimation.plan import Plan, plan_for
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.metrics.metric import Rows
from validate.stats.resample import resampling_key
from validate.verdict.limits import Goal, judge
from validate.verdict.worst_of import judge_levels

SEED = 20261124
SIMULATIONS = 10_000
LEVELS = 4
REPLICATES = 256  # behind the limits that hold for all levels at once
METHODS = {"sensitivity": "wilson_effective_n", "auroc": "obuchowski"}
OVERALL, ONE_WEAK, ALL_AT_GOAL = "overall", "one weak level", "every level at the goal"
COLUMNS = (
    "metric",
    "question",
    "patients",
    "goal",
    "images",
    "simulations",
    "passed",
    "failed",
    "too_few",
    "undecided",
)
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """patients : with the finding, for a sensitivity, and of both classes for an AUROC; of each level where levels are judged."""

    metric: str
    question: str
    patients: int
    goal: float
    images: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.metric}-{self.question.replace(' ', '_')}-{self.patients}-{self.goal}-{self.images}"

    @property
    def truths(self) -> tuple[float, ...]:
        """By level; of one level only where the whole is judged."""
        if self.question == OVERALL:
            return (self.goal,)
        better = float(ndtr(ndtri(self.goal) + 1.0))
        return (self.goal,) * LEVELS if self.question == ALL_AT_GOAL else (self.goal, *(better,) * (LEVELS - 1))


def cells() -> Iterator[Cell]:
    """The grid."""
    for metric, images in itertools.product(METHODS, (1, 3)):
        for patients, goal in itertools.product((30, 100, 300, 1000), (0.8, 0.9, 0.95)):
            yield Cell(metric, OVERALL, patients, goal, images)
        for question, patients, goal in itertools.product((ONE_WEAK, ALL_AT_GOAL), (30, 100, 300), (0.8, 0.9)):
            yield Cell(metric, question, patients, goal, images)


def outcomes(cell: Cell, simulations: int) -> Counter[str]:
    """PASS, FAIL, too_few and INCONCLUSIVE over so many studies."""
    rng = np.random.default_rng([SEED, *map(ord, cell.name)])
    worst_of = cell.question != OVERALL
    goal = Goal(cell.goal, "at_least")
    plan = plan_for(
        f"classification.{cell.metric}", endpoint="e", role="primary", method=METHODS[cell.metric],
        goals=(Faced(cell.goal, at_least=True, attribute="level" if worst_of else None),),
    )  # fmt: skip
    found: Counter[str] = Counter()
    for number in range(simulations):
        sample = _sample(rng, cell)
        clusters = int(sample.cluster.max()) + 1
        resampling = Resampling(clusters, REPLICATES, resampling_key(SEED, str(number)), 1)
        (numbers,) = estimate_sample([plan], sample, model="m", resampling=resampling, simultaneous=worst_of)
        estimates = [_estimate(plan, one, sample.groups.stratum(place)) for place, one in enumerate(numbers)]
        if worst_of:
            verdict = judge_levels(estimates[1:], goal, min_events=None)
            outcome, reason = verdict.outcome, verdict.reason
        else:
            judged = judge(estimates[0], goal)
            outcome, reason = judged.outcome, judged.reason
        found["too_few" if reason in {"too_few", "level_too_few"} else outcome] += 1
    return found


def _sample(rng: np.random.Generator, cell: Cell) -> Sample:
    parts = [_level(rng, cell, truth) for truth in cell.truths]
    score, positive = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    sizes = [len(part[0]) for part in parts]
    cluster = np.arange(sum(sizes)) // cell.images
    rows = Rows({"score": score, "positive": positive, "flagged": score >= 0.0}, {"threshold": 0.0})
    everybody = np.ones((1, len(score)), np.bool_)
    if cell.question == OVERALL:
        groups = Groups((None,), (None,), everybody)
    else:
        of_level = np.repeat(np.arange(LEVELS), sizes)
        members = np.concatenate([everybody, of_level == np.arange(LEVELS)[:, None]])
        groups = Groups((None, *("level",) * LEVELS), (None, *(f"L{level}" for level in range(LEVELS))), members)
    return Sample(rows, cluster, cluster, groups, np.zeros(len(groups.members), np.int64))


def _level(rng: np.random.Generator, cell: Cell, truth: float) -> tuple[Array, NDArray[np.bool_]]:
    """Scores and truth of one level: sensitivity is the chance that a positive's score is above 0."""
    shared = 0.5 if cell.images > 1 else 0.0
    n = cell.patients
    noise = np.sqrt(1 - shared) * rng.normal(size=(n, cell.images)) + np.sqrt(shared) * rng.normal(size=(n, 1))
    if cell.metric == "sensitivity":
        return (noise + ndtri(truth)).ravel(), np.ones(n * cell.images, np.bool_)
    positive = np.repeat(rng.permutation(np.arange(n) % 2 == 0), cell.images)
    return noise.ravel() + positive * np.sqrt(2.0) * ndtri(truth), positive


def _estimate(plan: Plan, one: object, stratum: dict[str, str]) -> Estimate:
    keep = (
        "value",
        "interval",
        "numerator",
        "denominator",
        "n_cases",
        "n_patients",
        "n_events",
        "status",
        "reason",
        "flags",
    )
    return Estimate(
        id="e", endpoint="e", metric=plan.name, model="m", pass_id="clean", target="y", stratum=stratum,
        unit=plan.metric.unit, role="primary", **{name: getattr(one, name) for name in keep},
    )  # fmt: skip


def run_cell(cell: Cell, *, out: Path, simulations: int) -> str:
    """One cell into its file."""
    start, path = time.perf_counter(), out / f"{cell.name}.csv"
    found = outcomes(cell, simulations)
    counts = (found["PASS"], found["FAIL"], found["too_few"], found["INCONCLUSIVE"])
    shares = (round(count / simulations, 5) for count in counts)
    row = (cell.metric, cell.question, cell.patients, cell.goal, cell.images, simulations, *shares)
    path.with_suffix(".part").write_text(",".join(map(str, row)) + "\n")
    path.with_suffix(".part").rename(path)
    return f"{cell.name}: {time.perf_counter() - start:.0f} s, passed {100 * counts[0] / simulations:.2f}%"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/verdicts"))
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    left = [cell for cell in cells() if not (options.out / f"{cell.name}.csv").exists()]
    with ProcessPoolExecutor(options.processes) as pool:
        for line in pool.map(partial(run_cell, out=options.out, simulations=options.simulations), left):
            print(line, flush=True)
    gather(options.out)


def gather(folder: Path) -> Path:
    """All cells in one table, in the grid's order."""
    table = folder / "verdicts.csv"
    rows = [next(csv.reader((folder / f"{cell.name}.csv").open())) for cell in cells()]
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return table


if __name__ == "__main__":
    main()
