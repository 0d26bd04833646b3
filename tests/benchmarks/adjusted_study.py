"""How often limits at the same case mix call a difference where there is none, and find one: `python tests/benchmarks/adjusted_study.py`.

Standardised and weighted differences of the product (`now`) beside percentile limits of the same replicates (`percentile`), on simulated
studies of two groups, each from a seed. Each case lies in one of some cells; the second group has more of the hard ones, so that groups
that are served alike look unequal. Of sensitivity all cases are positive. Images of a patient go together (0.36) and lie in one cell.
Limits of one level each (95%), as the report prints them. docs/robustness.md shows what comes out; limits of a share are exact.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import norm

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from validate.analyses import standardised, weighted  # noqa: E402
from validate.estimation.groups import Groups  # noqa: E402
from validate.estimation.sample import Sample  # noqa: E402
from validate.metrics.metric import Rows  # noqa: E402
from validate.registry import load  # noqa: E402
from validate.stats.proportion import clopper_pearson  # noqa: E402
from validate.stats.resample import ClusterWeights, resampling_key  # noqa: E402

TOGETHER = 0.6  # of a standard deviation, what images of a patient share
HARD = {
    2: (0.35, 0.65),
    4: (0.15, 0.55),
}  # how much of the first and second group lies in the harder half of so many cells
BY = ("standardised", "weighted")


@dataclass(frozen=True, slots=True)
class Scenario:
    """sizes : patients of both groups, on average      easy : sensitivity, or AUROC of the chances, in the easiest cell; in the hardest
    it is `harder` less      worse : the second group, on the scale of the latent normal
    """

    measure: str
    sizes: tuple[int, int]
    cells: int
    easy: float
    images: int
    harder: float = 0.8
    worse: float = 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """called : studies with limits that leave out 0, of those that have limits      width : of limits, on average"""

    measure: str
    patients: str
    cells: int
    easy: float
    worse: float
    images: str
    by: str
    limits: str
    called: int
    studies: int
    low: float
    high: float
    width: float


def scenarios() -> Iterator[Scenario]:
    for worse in (0.0, 0.8):
        for sizes in ((40, 40), (100, 100), (40, 160)):
            for easy in (0.8, 0.95):
                yield Scenario("sensitivity", sizes, 2, easy, 1, worse=worse)
        yield Scenario("sensitivity", (100, 300), 4, 0.9, 1, worse=worse)
        yield Scenario("sensitivity", (40, 160), 2, 0.9, 3, worse=worse)
        for measure in ("brier", "auroc"):
            yield Scenario(measure, (40, 160), 2, 0.9, 1, worse=worse)
            yield Scenario(measure, (40, 160), 2, 0.9, 3, worse=worse)


def drawn_sample(one: Scenario, rng: np.random.Generator) -> Sample:
    total = sum(one.sizes)
    classes = 1 if one.measure == "sensitivity" else 2
    group = (rng.random(classes * total) < one.sizes[1] / total).astype(int)
    positive = np.arange(classes * total) < total
    half = rng.random(classes * total) < np.array(HARD[one.cells])[group]
    cell = half * (one.cells // 2) + rng.integers(0, one.cells // 2, classes * total)
    patient = np.repeat(np.arange(classes * total), rng.integers(1, one.images + 1, classes * total))
    own = rng.normal(size=classes * total)[patient]
    latent = TOGETHER * own + np.sqrt(1 - TOGETHER**2) * rng.normal(size=patient.size)
    less = (one.harder * cell / (one.cells - 1) + one.worse * group)[patient]
    if one.measure == "sensitivity":
        score = (latent < norm.ppf(one.easy) - less) * 1.0
    else:
        apart = np.maximum(norm.ppf(one.easy) * np.sqrt(2) - less, 0.1)
        score = expit(apart * (latent + apart * positive[patient] - apart / 2))
    levels = ("all", "first", "second", *(f"cell {number}" for number in range(one.cells)))
    members = np.stack(
        [
            np.ones(patient.size, bool), group[patient] == 0, group[patient] == 1,
            *(cell[patient] == number for number in range(one.cells)),
        ]
    )  # fmt: skip
    groups = Groups((None, "group", "group", *("mix",) * one.cells), (None, *levels[1:]), members)
    rows = Rows({"score": score, "positive": positive[patient], "flagged": score >= 0.5}, {"threshold": 0.5})
    return Sample(rows, patient, patient, groups, np.zeros(len(members), np.int64))


class Watched:
    """The product's limits, and percentile limits of the replicates that they were made of."""

    def __init__(self) -> None:
        self.before: dict[str, tuple[float, float]] = {}
        mine, others = standardised._limits, weighted._limits

        def of_cells(metric: Any, of: Any, sample: Any, sides: Any, share: Any, drawn: Any) -> Any:
            self._note("standardised", (drawn[:, 0] - drawn[:, 1]) @ share)
            return mine(metric, of, sample, sides, share, drawn)

        def of_sides(metric: Any, measure: Any, rows: Any, two: Any, cluster: Any, drawn: Any) -> Any:
            self._note("weighted", drawn[:, 0] - drawn[:, 1])
            return others(metric, measure, rows, two, cluster, drawn)

        standardised._limits, weighted._limits = of_cells, of_sides

    def _note(self, by: str, differences: Any) -> None:
        low, high = np.quantile(differences, [0.025, 0.975])
        self.before[by] = float(low), float(high)


def limits(one: Scenario, seed: int, replicates: int, watched: Watched) -> dict[tuple[str, str], tuple[float, float]]:
    sample = drawn_sample(one, np.random.default_rng([seed, *one.sizes, one.images, one.cells]))
    weights = ClusterWeights(int(sample.cluster.max()) + 1, replicates, resampling_key(1, f"{one}/{seed}"))
    samples: Any = SimpleNamespace(weights=weights, shown=lambda *_: True)
    metric = load("metrics", f"classification.{one.measure}")
    members, watched.before = sample.groups.members[1:3], {}
    found: dict[str, Any] = {}
    if one.measure != "auroc":
        found["standardised"] = standardised._adjusted(
            samples, sample, metric, ("e", "group", "first", "second"), members, ["mix"]
        )
    found["weighted"] = weighted._weighted(
        samples, sample, metric, ("e", "group", "first", "second", ("mix",)), (members[0], members[1])
    )
    told = {(by, "now"): (each.low, each.high) for by, each in found.items() if each.low is not None}
    return told | {(by, "percentile"): watched.before[by] for by, _ in told}


def rates(one: Scenario, studies: int, replicates: int, watched: Watched) -> Iterator[Rate]:
    found = [limits(one, seed, replicates, watched) for seed in range(studies)]
    for by in BY:
        for name in ("percentile", "now"):
            some = [study[by, name] for study in found if (by, name) in study]
            if not some:
                continue
            hits = sum(low > 0 or high < 0 for low, high in some)
            exact = clopper_pearson(hits, len(some), level=0.95)
            yield Rate(
                one.measure, " ".join(map(str, one.sizes)), one.cells, one.easy, one.worse,
                "1" if one.images == 1 else f"1 to {one.images}", by, name, hits, len(some), round(float(exact.low), 4),
                round(float(exact.high), 4), round(float(np.mean([high - low for low, high in some])), 4),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="of each scenario")
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/robustness-adjusted.csv")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="which of how many parts of the scenarios")
    options = parser.parse_args()
    (part, parts), watched = options.part, Watched()
    with options.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [one.name for one in fields(Rate)], lineterminator="\n")
        if part == 0:
            writer.writeheader()
        for number, scenario in enumerate(scenarios()):
            if number % parts != part:
                continue
            for rate in rates(scenario, options.studies, options.replicates, watched):
                writer.writerow(asdict(rate))
                print(*asdict(rate).values(), sep=" | ", flush=True)
            stream.flush()


if __name__ == "__main__":
    main()
