"""How often a model that is only at its goal would pass, by interval method and size: `python tests/benchmarks/false_pass_study.py`.

The numbers of validate/estimation/adequacy.py come from here. Truth at the goal, lower limits of two-sided 95% intervals.
Scores are binormal with equal spread, with positives spread twice and half as wide, and cut into five points; classes are
balanced, 1:4 and 4:1.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from validate.estimation.bootstrap import bias_corrected, percentile
from validate.stats.delong import delong_limits, delong_logit_limits, placements
from validate.stats.limits import logit_limits, student_quantile
from validate.stats.obuchowski import clustered_auroc, obuchowski_limits

Array = NDArray[np.float64]
SHAPES = {"equal": (1.0, 0), "wide": (2.0, 0), "narrow": (0.5, 0), "five points": (1.0, 5)}
PAIRS = 20_000_000  # compared at a time
CELLS = {0.8: (15, 20, 25, 50, 100), 0.9: (25, 50, 100, 150), 0.95: (50, 100, 200, 300)}


def scores(
    rng: np.random.Generator, goal: float, shape: str, sizes: tuple[int, int, int]
) -> tuple[Array, Array, float]:
    """(study, positive), (study, negative) and the true AUROC."""
    spread, points = SHAPES[shape]
    studies, m, n = sizes
    distance = norm.ppf(goal) * np.sqrt(1 + spread**2)
    above, below = rng.normal(distance, spread, (studies, m)), rng.normal(size=(studies, n))
    if not points:
        return above, below, goal
    cuts = np.linspace(-1.0, distance + 0.5, points - 1)
    p, q = (np.diff(np.concatenate(([0], norm.cdf(cuts - at), [1]))) for at in (distance, 0.0))
    truth = float((p * (np.cumsum(q) - 0.5 * q)).sum())
    return np.searchsorted(cuts, above).astype(float), np.searchsorted(cuts, below).astype(float), truth


def auroc_and_variance(above: Array, below: Array) -> tuple[Array, Array]:
    """Of each study, DeLong's; Obuchowski's is the same with one row a patient."""
    better = (above[:, :, None] > below[:, None, :]) + np.float32(0.5) * (above[:, :, None] == below[:, None, :])
    first, second = better.mean(axis=2, dtype=np.float64), better.mean(axis=1, dtype=np.float64)
    variance = first.var(axis=1, ddof=1) / first.shape[1] + second.var(axis=1, ddof=1) / second.shape[1]
    return first.mean(axis=1), variance


def analytic_rates(goal: float, m: int, n: int, shape: str, studies: int) -> dict[str, float]:
    """Share of studies that pass, by method. Studies without a variance decide nothing here."""
    rng = np.random.default_rng([m, n, int(goal * 1000), list(SHAPES).index(shape)])
    count = dict.fromkeys(("delong", "delong_logit", "obuchowski"), 0)
    done = 0
    while done < studies:
        chunk = min(max(PAIRS // (m * n), 1), studies - done)
        above, below, truth = scores(rng, goal, shape, (chunk, m, n))
        auroc, variance = auroc_and_variance(above, below)
        usable = (auroc < 1) & (variance > 0)
        lows = {
            "delong": delong_limits(auroc, variance).low,
            "delong_logit": delong_logit_limits(auroc, variance).low,
            "obuchowski": logit_limits(auroc, np.sqrt(variance), student_quantile(0.95, min(m, n) - 1)).low,
        }
        for method, low in lows.items():
            count[method] += int((usable & (low >= truth)).sum())
        done += chunk
    return {method: passed / studies for method, passed in count.items()}


def large_delong_rate(goal: float, m: int, studies: int) -> float:
    """Plain DeLong with m cases of each class, through ranks."""
    rng = np.random.default_rng([m, int(goal * 1000)])
    positive = np.arange(2 * m) < m
    passed = 0
    for _ in range(studies):
        found = placements(rng.normal(size=2 * m) + positive * norm.ppf(goal) * np.sqrt(2), positive)
        passed += bool(delong_limits(found.auroc, found.variance).low >= goal)
    return passed / studies


def bootstrap_rates(goal: float, m: int, n: int, studies: int, replicates: int = 800) -> dict[str, float]:
    """Percentile and BCa, rows resampled as the kernel does: classes together."""
    rng = np.random.default_rng([m, n, int(goal * 1000), 99])
    passed = {"bootstrap": 0, "bootstrap_bca": 0}
    for _ in range(studies):
        above, below, _ = scores(rng, goal, "equal", (1, m, n))
        better = (above[0][:, None] > below[0][None, :]).astype(np.float64)
        drawn = rng.multinomial(m + n, np.full(m + n, 1 / (m + n)), size=replicates).astype(np.float64)
        first, second = drawn[:, :m], drawn[:, m:]
        pairs = first.sum(axis=1) * second.sum(axis=1)
        values = np.einsum("rj,rj->r", first @ better, second)[pairs > 0] / pairs[pairs > 0]
        point = float(better.mean())
        if point == 1:
            continue
        left_out = np.concatenate(
            ((point * m - better.mean(axis=1)) / (m - 1), (point * n - better.mean(axis=0)) / (n - 1))
        )
        passed["bootstrap"] += percentile(values, level=0.95).low >= goal
        passed["bootstrap_bca"] += bias_corrected(values, point, left_out, level=0.95).low >= goal
    return {method: count / studies for method, count in passed.items()}


def clustered_rate(goal: float, patients: int, studies: int, *, shared: float, mixed: bool) -> float:
    """Obuchowski's limits with so many patients of each class, or twice as many with images of both; one to three images.

    shared : part of the noise's variance that a patient's images have in common
    """
    rng = np.random.default_rng([patients, int(goal * 1000), int(shared * 100), mixed])
    passed = 0
    for _ in range(studies):
        own = np.repeat(np.arange(2 * patients), rng.integers(1, 4, 2 * patients))
        positive = rng.random(own.size) < 0.5 if mixed else own < patients
        noise = np.sqrt(shared) * rng.normal(size=2 * patients)[own] + np.sqrt(1 - shared) * rng.normal(size=own.size)
        found = clustered_auroc(noise + positive * norm.ppf(goal) * np.sqrt(2), positive, own)
        passed += found.variance > 0 and float(obuchowski_limits(found).low) >= goal
    return passed / studies


def print_analytic() -> None:
    """DeLong's, its logit and Obuchowski's limits over all shapes."""
    for goal, sizes in CELLS.items():
        for smaller in sizes:
            layouts = ((smaller, smaller), (smaller, 4 * smaller), (4 * smaller, smaller))
            cells = {(m, n, shape): analytic_rates(goal, m, n, shape, 10_000) for m, n in layouts for shape in SHAPES}
            for method in ("delong", "delong_logit", "obuchowski"):
                rates = {cell: 100 * found[method] for cell, found in cells.items()}
                worst = max(rates, key=rates.__getitem__)
                plain = rates[(smaller, smaller, "equal")]
                print(
                    f"goal {goal} rarer {smaller} {method}: {plain:.2f}, worst {rates[worst]:.2f} {worst}", flush=True
                )


def print_large() -> None:
    """Plain DeLong in large studies."""
    for goal, m, studies in ((0.8, 1000, 20_000), (0.8, 3000, 20_000), (0.9, 10_000, 5000)):
        print(f"goal {goal} each class {m} delong: {100 * large_delong_rate(goal, m, studies):.2f}", flush=True)


def print_clustered() -> None:
    """Obuchowski's limits with several images a patient."""
    for goal, patients in ((0.8, 25), (0.8, 50), (0.9, 100)):
        for shared, mixed in ((0.5, False), (0.8, False), (0.5, True)):
            rate = clustered_rate(goal, patients, 6000, shared=shared, mixed=mixed)
            print(f"goal {goal} patients {patients} shared {shared} mixed {mixed}: {100 * rate:.2f}", flush=True)


def print_bootstrap() -> None:
    """Percentile and BCa."""
    for goal in (0.8, 0.9):
        for m, n in ((15, 15), (50, 50), (20, 80), (50, 200), (150, 150), (500, 500)):
            rates = bootstrap_rates(goal, m, n, 2000 if m * n < 20_000 else 1000)
            print(goal, m, n, {key: round(100 * value, 2) for key, value in rates.items()}, flush=True)


PARTS = {
    "analytic": print_analytic,
    "large": print_large,
    "clustered": print_clustered,
    "bootstrap": print_bootstrap,
}


if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
