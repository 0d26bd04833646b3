"""How often limits of gaps between groups call one where there is none, and find one that is there: `python tests/benchmarks/gap_study.py`.

The product's own limits (`now`), which hold for all groups at once, beside percentile limits of the same replicates at the same
level (`percentile`), on simulated studies, each from a seed. Groups have so many positive patients on average, and for areas as many
negative ones, of one or one to three images; scores of a patient go together (0.36). Every group is as good as the next, or the first
is worse. docs/robustness.md shows what comes out; limits of a share are exact (Clopper and Pearson).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from validate.estimation.bootstrap import percentile  # noqa: E402
from validate.estimation.gap_limits import LEVEL, SidesLimits  # noqa: E402
from validate.estimation.groups import Groups  # noqa: E402
from validate.estimation.plan import plan_for  # noqa: E402
from validate.estimation.sample import Sample  # noqa: E402
from validate.estimation.simultaneous import simultaneous_level  # noqa: E402
from validate.metrics.metric import Rows, Values  # noqa: E402
from validate.metrics.replicates import point_values, replicate_values  # noqa: E402
from validate.stats.proportion import clopper_pearson  # noqa: E402
from validate.stats.resample import ClusterWeights, resampling_key  # noqa: E402

EQUAL = ((25,) * 4, (50,) * 4, (100,) * 4, (50, 50))
UNEQUAL = (20, 40, 80, 160)
TRUTHS = {"sensitivity": (0.7, 0.85, 0.95), "auroc": (0.8, 0.9), "brier": (0.85,)}
WEAK = {"sensitivity": (0.6, 0.85), "auroc": (0.65, 0.85)}
TOGETHER = 0.6  # of a standard deviation, what images of a patient share


@dataclass(frozen=True, slots=True)
class Scenario:
    """truths : sensitivity of each group; of areas the AUROC, and of the Brier score the AUROC of its chances"""

    measure: str
    sizes: tuple[int, ...]
    truths: tuple[float, ...]
    images: int


@dataclass(frozen=True, slots=True)
class Rate:
    """called : studies with a gap beyond limits that hold for all groups    width : of limits, on average"""

    measure: str
    patients: str
    truth: str
    images: str
    limits: str
    called: int
    studies: int
    low: float
    high: float
    width: float


def scenarios() -> Iterator[Scenario]:
    for measure, truths in TRUTHS.items():
        for sizes in (*EQUAL, UNEQUAL):
            for truth in truths:
                yield Scenario(measure, sizes, (truth,) * len(sizes), 1)
        for sizes in (EQUAL[0], UNEQUAL):
            yield Scenario(measure, sizes, (truths[-1 if measure == "brier" else 1],) * len(sizes), 3)
    for measure, (weak, truth) in WEAK.items():
        for sizes in (*EQUAL, UNEQUAL):
            yield Scenario(measure, sizes, (weak, *(truth,) * (len(sizes) - 1)), 1)


def drawn_sample(one: Scenario, rng: np.random.Generator) -> Sample:
    share, total = np.array(one.sizes) / sum(one.sizes), sum(one.sizes)
    classes = 1 if one.measure == "sensitivity" else 2
    group = rng.choice(len(one.sizes), classes * total, p=share)
    positive = np.arange(classes * total) < total
    patient = np.repeat(np.arange(classes * total), rng.integers(1, one.images + 1, classes * total))
    own = rng.normal(size=classes * total)[patient]
    latent = TOGETHER * own + np.sqrt(1 - TOGETHER**2) * rng.normal(size=patient.size)
    truth = np.array(one.truths)[group[patient]]
    if one.measure == "sensitivity":
        score = (latent < norm.ppf(truth)) * 1.0
    else:
        apart = norm.ppf(truth) * np.sqrt(2)
        score = expit(apart * (latent + apart * positive[patient] - apart / 2))  # the chance that it is positive
    members = np.stack([group[patient] == number for number in range(len(one.sizes))])
    rows = Rows({"score": score, "positive": positive[patient], "flagged": score >= 0.5}, {"threshold": 0.5})
    names = tuple(f"{number}" for number in range(len(one.sizes)))
    groups = Groups(("group",) * len(names), names, members)
    return Sample(rows, patient, patient, groups, np.zeros(len(names), np.int64))


def called(one: Scenario, seed: int, replicates: int) -> dict[str, tuple[bool, list[float]]]:
    """By limits: whether any excludes 0, and how wide they are."""
    sample = drawn_sample(one, np.random.default_rng([seed, *one.sizes, one.images]))
    plan = plan_for(f"classification.{one.measure}", endpoint=one.measure, role="secondary")
    members = sample.groups.members
    weights = ClusterWeights(int(sample.cluster.max()) + 1, replicates, resampling_key(1, f"{one}/{seed}"))
    (point,) = point_values([plan.metric], sample.rows, cluster=sample.cluster, groups=members)
    (drawn,) = replicate_values(
        [plan.metric], sample.rows, cluster=sample.cluster, groups=members, weights=weights, workers=1
    )
    reference = int(np.argmax([np.unique(sample.cluster[mine]).size for mine in members]))
    pairs = [place for place in range(len(one.sizes)) if place != reference]
    at, many = (_less(values, pairs, reference) for values in (point, drawn))
    usable = np.array([np.ptp(many.value[many.defined[:, pair], pair]) > 0 for pair in range(len(pairs))])
    level = simultaneous_level(many, at, list(range(len(pairs))), usable, level=LEVEL)
    sides = SidesLimits(plan, sample, point, drawn)
    found: dict[str, list[tuple[float, float]]] = {"percentile": [], "now": []}
    for number, place in enumerate(pairs):
        limits = sides.difference(place, reference, many, number)
        if limits.at is None or not usable[number]:
            continue
        before, now = percentile(many.value[many.defined[:, number], number], level=level), limits.at(level)
        found["percentile"].append((before.low, before.high))
        found["now"].append((now.low, now.high))
    return {
        name: (any(low > 0 or high < 0 for low, high in some), [high - low for low, high in some])
        for name, some in found.items()
    }


def _less(values: Values, pairs: Sequence[int], reference: int) -> Values:
    defined: NDArray[np.bool_] = values.defined[:, pairs] & values.defined[:, [reference]]
    return Values(np.where(defined, values.value[:, pairs] - values.value[:, [reference]], 0.0), defined)


def rates(one: Scenario, studies: int, replicates: int) -> Iterator[Rate]:
    found = [called(one, seed, replicates) for seed in range(studies)]
    for name in ("percentile", "now"):
        hits = sum(study[name][0] for study in found)
        limits = clopper_pearson(hits, studies, level=0.95)
        yield Rate(
            one.measure, " ".join(map(str, one.sizes)), " ".join(map(str, dict.fromkeys(one.truths))),
            "1" if one.images == 1 else f"1 to {one.images}", name, hits, studies, round(float(limits.low), 4),
            round(float(limits.high), 4), round(float(np.mean([wide for study in found for wide in study[name][1]])), 4),
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1200, help="of each scenario")
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/robustness-gaps.csv")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="which of how many parts of the scenarios")
    options = parser.parse_args()
    part, parts = options.part
    with options.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [one.name for one in fields(Rate)], lineterminator="\n")
        if part == 0:
            writer.writeheader()
        for number, scenario in enumerate(scenarios()):
            if number % parts != part:
                continue
            for rate in rates(scenario, options.studies, options.replicates):
                writer.writerow(asdict(rate))
                print(*asdict(rate).values(), sep=" | ", flush=True)
            stream.flush()


if __name__ == "__main__":
    main()
