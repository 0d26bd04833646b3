"""How often a 95% interval holds the truth, tail by tail, over a grid of studies: `python tests/benchmarks/coverage_study.py`.

Truth is known exactly. A patient has the finding or not, and 1, 3 or 10 images; an image's score is Φ⁻¹-normal,

    score = μ · finding + √ρ · patient + √(1 - ρ) · image,      μ = √2 · Φ⁻¹(AUROC),

so two images of different classes always come from different patients and the AUROC over images is Φ(μ / √2) whatever ρ is;
a sensitivity is the chance that a positive's score passes a cut-off. Differences of two models are on the same images, their noise
correlated (the column prevalence then holds that correlation). Intervals come from the product's own functions; where a
cell needs millions of sorts, the estimate and its variance come from a compiled loop that tests/benchmarks holds against them.

Each part writes one CSV per cell group into --out and skips those that are there, so it can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from validate.estimation.adequacy import FEWEST_CLUSTERS, FEWEST_OF_A_CLASS
from validate.estimation.bootstrap import MOST_UNDEFINED, bias_corrected, percentile
from validate.metrics.metric import Rows
from validate.metrics.replicates import replicate_values
from validate.registry import load
from validate.stats.compiled import compiled
from validate.stats.delong import delong_limits, delong_logit_limits
from validate.stats.limits import Limits, logit_limits, normal_quantile, student_quantile, wald_limits
from validate.stats.obuchowski import clustered_difference, difference_limits, perfect_limits
from validate.stats.paired_proportions import PairedTable, newcombe_paired, tango
from validate.stats.proportion import clopper_pearson, clustered_proportion, jeffreys, wilson
from validate.stats.resample import ClusterWeights, LeaveOneOut, resampling_key

SEED = 20261124
PATIENTS = (30, 100, 300, 1000, 3000, 10_000)
PREVALENCES = (0.02, 0.1, 0.3, 0.5)
AUROCS = (0.6, 0.8, 0.9, 0.95, 0.995)
PROPORTIONS = (0.6, 0.8, 0.9, 0.95, 0.99)
DESIGNS = ((1, 0.0), (3, 0.0), (3, 0.3), (3, 0.8), (10, 0.3), (10, 0.8))
FEWEST_EXPECTED = 5  # patients with the finding: below, the product makes no interval in most studies
COLUMNS = (
    "metric", "method", "patients", "prevalence", "truth", "images", "correlation", "simulations", "none",
    "coverage", "missed_low", "missed_high", "width",
)  # fmt: skip
Array = NDArray[np.float64]


class Tails:
    """Counts of one method in one cell. missed_low : the truth lies below the lower limit."""

    def __init__(self) -> None:
        self.simulations = self.none = self.low = self.high = 0
        self.width = 0.0

    def add(self, limits: Limits, truth: float, usable: NDArray[np.bool_]) -> None:
        self.simulations += usable.size
        self.none += int((~usable).sum())
        self.low += int((limits.low[usable] > truth).sum())
        self.high += int((limits.high[usable] < truth).sum())
        self.width += float((limits.high - limits.low)[usable].sum())

    def row(self) -> tuple[Any, ...]:
        """Shares are of the simulations with an interval."""
        made = max(self.simulations - self.none, 1)
        shares = (1 - (self.low + self.high) / made, self.low / made, self.high / made, self.width / made)
        return (self.simulations, round(self.none / self.simulations, 5), *(round(share, 5) for share in shares))


def auroc_cells(simulations: int) -> Iterator[tuple[str, Any]]:
    for patients, prevalence, (images, correlation) in itertools.product(PATIENTS, PREVALENCES, DESIGNS):
        if patients * prevalence >= FEWEST_EXPECTED:
            name = f"auroc-{patients}-{prevalence}-{images}-{correlation}"
            yield name, (patients, prevalence, images, correlation, simulations)


def auroc_rows(
    patients: int, prevalence: float, images: int, correlation: float, simulations: int
) -> list[tuple[Any, ...]]:
    """All AUROCs of one design from the same noise: a shift of the positives keeps the order within each class."""
    rng = np.random.default_rng([SEED, 1, patients, int(prevalence * 1000), images, int(correlation * 100)])
    tails = {(method, truth): Tails() for method in _auroc_methods(images) for truth in AUROCS}
    found = {truth: np.empty((simulations, 3)) for truth in AUROCS}
    smaller = np.empty(simulations)
    for simulation in range(simulations):
        positives = int(rng.binomial(patients, prevalence))
        smaller[simulation] = min(positives, patients - positives)
        if not FEWEST_OF_A_CLASS <= positives <= patients - FEWEST_OF_A_CLASS:
            continue
        above, of_above = _noise(rng, positives, images, correlation)
        below, of_below = _noise(rng, patients - positives, images, correlation)
        for truth in AUROCS:
            shift = np.sqrt(2.0) * float(ndtri(truth))
            _auroc(above, of_above, below, of_below, shift, positives, patients - positives, found[truth][simulation])
    usable = smaller >= FEWEST_OF_A_CLASS
    for (method, truth), tail in tails.items():
        values, clustered, simple = found[truth].T
        tail.add(_auroc_limits(method, values, clustered, simple, smaller, usable), truth, usable)
    return [
        ("auroc", method, patients, prevalence, truth, images, correlation, *tail.row())
        for (method, truth), tail in tails.items()
    ]


def _auroc_methods(images: int) -> tuple[str, ...]:
    """DeLong takes rows for independent; the product refuses it elsewhere."""
    return ("obuchowski", "delong", "delong_logit") if images == 1 else ("obuchowski",)


def _noise(rng: np.random.Generator, patients: int, images: int, correlation: float) -> tuple[Array, NDArray[np.int64]]:
    """Rising noise of each image and whose it is. float32 in the upper half of an integer sorts with the patient below."""
    noise = rng.standard_normal((patients, images), np.float32) * np.float32(np.sqrt(1 - correlation))
    if correlation:
        noise += rng.standard_normal((patients, 1), np.float32) * np.float32(np.sqrt(correlation))
    if images == 1:
        return np.sort(noise[:, 0]).astype(np.float64), np.arange(patients)
    bits = noise.view(np.int32).astype(np.int64)
    keys = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits) << 32
    keys += np.arange(patients)[:, None]
    packed = np.sort(keys.ravel())
    owner = packed & 0xFFFFFFFF
    high = packed >> 32
    back = np.where(high < 0, (-high) | -0x80000000, high).astype(np.int32).view(np.float32)
    return back.astype(np.float64), owner


@compiled
def _auroc(
    above: Array, of_above: NDArray[np.int64], below: Array, of_below: NDArray[np.int64], shift: float,
    positives: int, negatives: int, out: Array,
) -> None:  # fmt: skip
    """(AUROC, Obuchowski's variance, DeLong's variance) by one merge; both classes sorted, positives moved by the shift."""
    m, n = above.size, below.size
    first, second = np.zeros(positives), np.zeros(negatives)
    square_above, square_below = 0.0, 0.0
    place, total = 0, 0.0
    for i in range(m):
        while place < n and below[place] < above[i] + shift:
            place += 1
        share = place / n
        total += share
        square_above += share * share
        first[of_above[i]] += share
    place = 0
    for j in range(n):
        while place < m and above[place] + shift <= below[j]:
            place += 1
        share = (m - place) / m
        square_below += share * share
        second[of_below[j]] += share
    auroc = total / m
    per_above, per_below = m / positives, n / negatives
    apart, beside = 0.0, 0.0
    for patient in range(positives):
        apart += (first[patient] - per_above * auroc) ** 2
    for patient in range(negatives):
        beside += (second[patient] - per_below * auroc) ** 2
    out[0] = auroc
    out[1] = positives / (positives - 1) * apart / m**2 + negatives / (negatives - 1) * beside / n**2
    out[2] = (square_above - m * auroc**2) / (m - 1) / m + (square_below - n * auroc**2) / (n - 1) / n


def _auroc_limits(
    method: str, values: Array, clustered: Array, simple: Array, smaller: Array, usable: NDArray[np.bool_]
) -> Limits:
    """As estimation.fit puts them together: by the method, or Wilson's of the rarer class where no pair is out of order."""
    flat = usable & ((values >= 1) | (values <= 0) | (clustered <= 0))
    safe = np.where(usable & ~flat, values, 0.5)
    variance = np.where(usable & ~flat, clustered if method == "obuchowski" else simple, 0.01)
    size = np.maximum(smaller, 2.0)
    if method == "obuchowski":
        limits = logit_limits(safe, np.sqrt(variance), student_quantile(0.95, size - 1))
    else:
        limits = (delong_limits if method == "delong" else delong_logit_limits)(safe, variance)
    perfect = perfect_limits(np.where(flat, np.clip(values, 0, 1), 1.0), size)
    return Limits(np.where(flat, perfect.low, limits.low), np.where(flat, perfect.high, limits.high))


def proportion_cells(simulations: int) -> Iterator[tuple[str, Any]]:
    for patients, (images, correlation) in itertools.product((10, *PATIENTS), DESIGNS):
        yield f"proportion-{patients}-{images}-{correlation}", (patients, images, correlation, simulations)


def proportion_rows(patients: int, images: int, correlation: float, simulations: int) -> list[tuple[Any, ...]]:
    """patients : of the denominator, such as those with the finding"""
    rng = np.random.default_rng([SEED, 2, patients, images, int(correlation * 100)])
    methods = {
        "wilson_effective_n": wilson,
        "clopper_pearson_effective_n": clopper_pearson,
        "jeffreys_effective_n": jeffreys,
    }
    tails = {(method, truth): Tails() for method in methods for truth in PROPORTIONS}
    chunk = max(1, min(simulations, 4_000_000 // patients))
    for start in range(0, simulations, chunk):
        size = min(chunk, simulations - start)
        shared = rng.standard_normal((size, patients))
        for truth in PROPORTIONS:
            at = (ndtri(truth) + np.sqrt(correlation) * shared) / np.sqrt(1 - correlation)
            hits = rng.binomial(images, ndtr(at))
            found = clustered_proportion(hits, np.full(hits.shape, images))
            count, n = np.minimum(found.value * found.effective_n, found.effective_n), found.effective_n
            for method, limits in methods.items():
                tails[method, truth].add(limits(count, n), truth, np.ones(size, np.bool_))
    return [
        ("proportion", method, patients, "", truth, images, correlation, *tail.row())
        for (method, truth), tail in tails.items()
    ]


def bootstrap_cells(simulations: int) -> Iterator[tuple[str, Any]]:
    grid = itertools.product((30, 100, 300), (0.1, 0.5), (0.8, 0.9, 0.95), ((1, 0.0), (3, 0.3)))
    for patients, prevalence, truth, (images, correlation) in grid:
        if patients * prevalence >= FEWEST_EXPECTED:
            name = f"bootstrap-{patients}-{prevalence}-{truth}-{images}"
            yield name, (patients, prevalence, truth, images, correlation, simulations)


def bootstrap_rows(
    patients: int, prevalence: float, truth: float, images: int, correlation: float, simulations: int,
    replicates: int = 1024,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """The product's kernel and limits, a stream of its own for each study."""
    rng = np.random.default_rng([SEED, 3, patients, int(prevalence * 1000), int(truth * 1000), images])
    metric = load("metrics", "classification.auroc")
    tails = {"bootstrap": Tails(), "bootstrap_bca": Tails()}
    cluster, everybody = np.repeat(np.arange(patients), images), np.ones((1, patients * images), np.bool_)
    for simulation in range(simulations):
        finding = rng.random(patients) < prevalence
        positive = finding[cluster]
        noise = np.sqrt(1 - correlation) * rng.standard_normal(cluster.size)
        noise += np.sqrt(correlation) * rng.standard_normal(patients)[cluster]
        rows = Rows({"score": noise + positive * np.sqrt(2.0) * float(ndtri(truth)), "positive": positive})
        found = _bootstrap(metric, rows, cluster, everybody, finding, replicates, simulation)
        for method, tail in tails.items():
            limits = None if found is None else found[method]
            pair = Limits(
                np.array([0.0 if limits is None else limits[0]]), np.array([1.0 if limits is None else limits[1]])
            )
            tail.add(pair, truth, np.array([limits is not None]))
    return [
        ("auroc", method, patients, prevalence, truth, images, correlation, *tail.row())
        for method, tail in tails.items()
    ]


def _bootstrap(
    metric: Any, rows: Rows, cluster: NDArray[np.int64], everybody: NDArray[np.bool_], finding: NDArray[np.bool_],
    replicates: int, simulation: int,
) -> dict[str, tuple[float, float]] | None:  # fmt: skip
    rarer = int(min(finding.sum(), (~finding).sum()))
    if rarer < FEWEST_OF_A_CLASS or finding.size < FEWEST_CLUSTERS:
        return None
    kept: dict[str, Any] = {"cluster": cluster, "groups": everybody, "workers": 1}
    weights = ClusterWeights(finding.size, replicates, resampling_key(SEED, str(simulation)))
    (drawn,) = replicate_values([metric], rows, weights=weights, **kept)
    point = float(metric.value(rows, np.ones(len(rows), np.int64)))
    if point in (0.0, 1.0):
        limits = perfect_limits(point, rarer)
        return dict.fromkeys(("bootstrap", "bootstrap_bca"), (float(limits.low), float(limits.high)))
    values = drawn.value[drawn.defined[:, 0], 0]
    if values.size < (1 - MOST_UNDEFINED) * replicates:
        return None
    (left_out,) = replicate_values([metric], rows, weights=LeaveOneOut(finding.size), **kept)
    plain = percentile(values, level=0.95)
    bca = bias_corrected(values, point, left_out.value[left_out.defined[:, 0], 0], level=0.95)
    return {"bootstrap": (plain.low, plain.high), "bootstrap_bca": (bca.low, bca.high)}


def paired_cells(simulations: int) -> Iterator[tuple[str, Any]]:
    grid = itertools.product(
        ("auroc", "proportion"), (30, 100, 300, 1000), (0.0, 0.05), (0.4, 0.8), ((1, 0.0), (3, 0.3))
    )
    for metric, patients, difference, between, (images, correlation) in grid:
        if metric == "proportion" and images > 1 and patients > 300:
            continue  # no analytic limits of clustered rows, and bootstraps stop here
        name = f"paired-{metric}-{patients}-{difference}-{between}-{images}"
        yield name, (metric, patients, difference, between, images, correlation, simulations)


def paired_rows(
    metric: str, patients: int, difference: float, between: float, images: int, correlation: float, simulations: int,
    replicates: int = 1024,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Two models on the same images, their noise correlated by `between`: 0.85 for one, less by `difference` for the other.

    Patients are half with the finding for an AUROC, and all of them for a proportion. Truth is the difference, test less reference.
    Bootstraps up to 300 patients.
    """
    rng = np.random.default_rng([SEED, 4, len(metric), patients, int(difference * 100), int(between * 100), images])
    own = ("obuchowski", "delong") if metric == "auroc" else ("tango", "newcombe")
    analytic = own if images == 1 else own[:1] if metric == "auroc" else ()
    tails = {method: Tails() for method in (*analytic, *(("bootstrap",) if patients <= 300 else ()))}
    cluster, truths = np.repeat(np.arange(patients), images), (0.85 - difference, 0.85)
    for simulation in range(simulations if tails else 0):
        positive = np.repeat(rng.permutation(np.arange(patients) % 2 == 0), images) | (metric == "proportion")
        scale = np.sqrt(2.0) if metric == "auroc" else 1.0
        noise = _correlated(rng, patients, images, correlation, between)
        scores = [one + positive * scale * ndtri(truth) for one, truth in zip(noise, truths, strict=True)]
        for method, tail in tails.items():
            low, high = _difference_limits(metric, method, scores, positive, cluster, replicates, simulation)
            tail.add(Limits(np.array([low]), np.array([high])), -difference, np.array([low < high]))
    return [
        (f"{metric}_difference", f"{method}_paired", patients, between, -difference, images, correlation, *tail.row())
        for method, tail in tails.items()
    ]


def _correlated(
    rng: np.random.Generator, patients: int, images: int, correlation: float, between: float
) -> list[Array]:
    """Unit noise of two models: between models by `between`, between images of a patient by `correlation`."""

    def draw() -> Array:
        image = rng.standard_normal((patients, images)) * np.sqrt(1 - correlation)
        return np.asarray(image + rng.standard_normal((patients, 1)) * np.sqrt(correlation)).ravel()

    common = draw() * np.sqrt(between)
    return [common + draw() * np.sqrt(1 - between) for _ in range(2)]


def _difference_limits(
    metric: str, method: str, scores: list[Array], positive: NDArray[np.bool_], cluster: NDArray[np.int64],
    replicates: int, simulation: int,
) -> tuple[float, float]:  # fmt: skip
    """Low = high where the product gives none."""
    if method in ("obuchowski", "delong"):
        found = clustered_difference(scores[0], scores[1], positive, cluster)
        if not found.variance > 0:
            return 0.0, 0.0
        error = float(np.sqrt(found.variance))
        wald = wald_limits(found.difference, error, normal_quantile(0.95), low=-1.0)
        limits = difference_limits(found) if method == "obuchowski" else wald
        return float(limits.low), float(limits.high)
    hits = [score >= 0 for score in scores]
    if method in ("tango", "newcombe"):
        both = (
            (hits[0] & hits[1]).sum(),
            (hits[0] & ~hits[1]).sum(),
            (~hits[0] & hits[1]).sum(),
            (~hits[0] & ~hits[1]).sum(),
        )
        limits = {"tango": tango, "newcombe": newcombe_paired}[method](PairedTable(*map(int, both)))
        return float(limits.low), float(limits.high)
    short = "auroc" if metric == "auroc" else "sensitivity"
    weights = ClusterWeights(int(cluster.max()) + 1, replicates, resampling_key(SEED, str(simulation)))
    drawn = [
        replicate_values(
            [load("metrics", f"classification.{short}")], Rows({"score": score, "positive": positive, "flagged": hit}, {"threshold": 0.0}),
            cluster=cluster, groups=np.ones((1, cluster.size), np.bool_), weights=weights, workers=1,
        )[0]
        for score, hit in zip(scores, hits, strict=True)
    ]  # fmt: skip
    defined = drawn[0].defined[:, 0] & drawn[1].defined[:, 0]
    if (~defined).sum() > MOST_UNDEFINED * replicates:
        return 0.0, 0.0
    found_limits = percentile(drawn[0].value[defined, 0] - drawn[1].value[defined, 0], level=0.95)
    return found_limits.low, found_limits.high


PARTS: dict[str, tuple[Any, Any]] = {
    "proportion": (proportion_cells, proportion_rows),
    "auroc": (auroc_cells, auroc_rows),
    "bootstrap": (bootstrap_cells, bootstrap_rows),
    "paired": (paired_cells, paired_rows),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/coverage"))
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--simulations", type=int, default=10_000)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.part or PARTS:
        cells, rows = PARTS[part]
        for name, cell in cells(options.simulations):
            path = options.out / f"{name}.csv"
            if path.exists():
                continue
            start = time.perf_counter()
            found = rows(*cell)
            text = "\n".join(",".join(map(str, row)) for row in found)
            path.with_suffix(".part").write_text(f"{text}\n")
            path.with_suffix(".part").rename(path)
            print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
    gather(options.out)


def gather(folder: Path) -> Path:
    """All cells in one table, in a fixed order."""
    rows = [row for path in sorted(folder.glob("*-*.csv")) for row in csv.reader(path.open())]
    rows.sort(key=lambda row: (row[0], row[1], *(float(cell or -1) for cell in row[2:7])))
    table = folder / "coverage.csv"
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return table


if __name__ == "__main__":
    main()
