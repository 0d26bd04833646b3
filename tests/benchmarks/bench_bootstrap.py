"""The patient-clustered bootstrap against a plain scikit-learn loop and fairlearn's MetricFrame, equal outputs first.

The peers are given the kernel's own weights, so that every replicate is the same replicate; what they would take for all
replicates is extrapolated from those they are run for.
"""

from __future__ import annotations

import resource
import time
import warnings

import numpy as np

from validate.metrics.metric import Rows
from validate.metrics.replicates import replicate_values
from validate.registry import load
from validate.stats.compiled import LANES
from validate.stats.resample import ClusterWeights, resampling_key

NAMES = ("auroc", "average_precision", "sensitivity", "specificity", "ppv", "npv", "f1", "brier", "ece")
METRICS = [load("metrics", f"classification.{name}") for name in NAMES]
REPLICATES = 2000


def study(n: int, seed: int = 7) -> tuple[Rows, np.ndarray, np.ndarray]:
    """n cases of patients with one to five each, overall and four levels of each of five attributes: 21 groups."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, n)
    cluster = np.repeat(np.arange(n), sizes)[:n].astype(np.int64)
    positive = rng.random(n) < 0.3
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * positive - 1)))
    levels = rng.integers(0, 4, (5, n))
    groups = np.array([np.ones(n, bool), *(levels[a] == k for a in range(5) for k in range(4))])
    return Rows({"score": score, "positive": positive, "flagged": score >= 0.5}, {"threshold": 0.5}), cluster, groups


def ece(score: np.ndarray, positive: np.ndarray) -> float:
    """No peer has it: ten equal bins, by hand."""
    place = np.minimum((score * 10).astype(int), 9)
    return float(np.abs(np.bincount(place, score - positive, 10)).sum() / len(score))


def peer_functions() -> dict[str, object]:
    """Each metric as a scikit-learn user writes it: f(truth, score)."""
    from sklearn import metrics as sk

    def at(function, **options):  # type: ignore[no-untyped-def]
        return lambda truth, score: function(truth, score >= 0.5, **options)

    return {
        "auroc": sk.roc_auc_score,
        "average_precision": sk.average_precision_score,
        "sensitivity": at(sk.recall_score),
        "specificity": at(sk.recall_score, pos_label=0),
        "ppv": at(sk.precision_score),
        "npv": at(sk.precision_score, pos_label=0),
        "f1": at(sk.f1_score),
        "brier": sk.brier_score_loss,
        "ece": lambda truth, score: ece(score, truth),
    }


def resampled_rows(weights: ClusterWeights, cluster: np.ndarray, replicate: int) -> np.ndarray:
    """Row numbers of one replicate, as a plain bootstrap would draw them."""
    block = np.empty((weights.clusters, LANES), np.uint8)
    weights.fill(replicate // LANES, block)
    return np.repeat(np.arange(cluster.size), block[cluster, replicate % LANES])


def scikit_learn_loop(rows: Rows, groups: np.ndarray, draws: list[np.ndarray]) -> np.ndarray:
    """(replicate, metric, group)"""
    functions = peer_functions()
    truth, score = rows["positive"], rows["score"]
    values = np.empty((len(draws), len(NAMES), len(groups)))
    for r, drawn in enumerate(draws):
        for g, group in enumerate(groups):
            own = drawn[group[drawn]]
            for m, name in enumerate(NAMES):
                values[r, m, g] = functions[name](truth[own], score[own])  # type: ignore[operator]
    return values


def fairlearn_frames(rows: Rows, groups: np.ndarray, draws: list[np.ndarray]) -> np.ndarray:
    """(replicate, metric, group) by MetricFrame, one frame per attribute, as its users stratify."""
    from fairlearn.metrics import MetricFrame

    functions = peer_functions()
    truth, score = rows["positive"].astype(int), rows["score"]
    levels = [sum(k * groups[1 + 4 * a + k] for k in range(4)) for a in range(5)]
    values = np.empty((len(draws), len(NAMES), len(groups)))
    for r, drawn in enumerate(draws):
        for a in range(5):
            frame = MetricFrame(
                metrics=functions, y_true=truth[drawn], y_pred=score[drawn], sensitive_features=levels[a][drawn]
            )
            values[r, :, 1 + 4 * a : 5 + 4 * a] = frame.by_group[list(NAMES)].to_numpy(dtype=float).T
            values[r, :, 0] = frame.overall[list(NAMES)].to_numpy(dtype=float)
    return values


def timed(function, *arguments):  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def run(*, quick: bool) -> list[dict[str, object]]:
    n, peers = (2_000, 2) if quick else (100_000, 20)
    replicates = 128 if quick else REPLICATES
    rows, cluster, groups = study(n)
    weights = ClusterWeights(int(cluster.max()) + 1, replicates, resampling_key(1, "bench"))

    def ours(metrics=METRICS, chosen=groups):  # type: ignore[no-untyped-def]
        return replicate_values(metrics, rows, cluster=cluster, groups=chosen, weights=weights)

    ours()  # compiled by now
    values, seconds = min((timed(ours) for _ in range(3)), key=lambda pair: pair[1])
    draws = [resampled_rows(weights, cluster, r) for r in range(peers)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fewer = max(peers // 10, 1)  # fairlearn takes minutes for one replicate of this size
        loop, loop_seconds = timed(scikit_learn_loop, rows, groups, draws)
        frames, frame_seconds = timed(fairlearn_frames, rows, groups, draws[:fewer])
    mine = np.stack([value.value for value in values], axis=1)
    np.testing.assert_allclose(mine[:peers], loop, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mine[:fewer], frames, rtol=1e-9, atol=1e-12)
    whole, alone = groups[:1], [METRICS[0]]
    _, auroc_seconds = min((timed(ours, alone, whole) for _ in range(3)), key=lambda pair: pair[1])
    _, auroc_loop = timed(lambda: [peer_functions()["auroc"](rows["positive"][d], rows["score"][d]) for d in draws])  # type: ignore[operator]
    size = f"{n:,} cases × {len(groups)} groups × {len(NAMES)} metrics × {replicates:,}"
    report = [
        {"name": size, "peer_name": "scikit-learn loop", "ours": seconds, "peer": loop_seconds / peers * replicates,
         "note": f"peer extrapolated from {peers} replicates; outputs equal to 1e-9"},
        {"name": size, "peer_name": "fairlearn MetricFrame", "ours": seconds, "peer": frame_seconds / fewer * replicates,
         "note": f"peer extrapolated from {fewer} replicates (20 are not affordable); outputs equal to 1e-9"},
        {"name": f"AUROC alone, {n:,} cases × {replicates:,}", "peer_name": "scikit-learn loop", "ours": auroc_seconds,
         "peer": auroc_loop / peers * replicates, "note": f"peer extrapolated from {peers} replicates"},
    ]  # fmt: skip
    if not quick:
        report.append(_million())
    return report


def _million() -> dict[str, object]:
    """One million cases: time and peak memory, beside the loop's own rate on a tenth."""
    rows, cluster, groups = study(1_000_000)
    weights = ClusterWeights(int(cluster.max()) + 1, REPLICATES, resampling_key(1, "bench"))
    _, seconds = timed(lambda: replicate_values(METRICS, rows, cluster=cluster, groups=groups, weights=weights))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, one = timed(scikit_learn_loop, rows, groups, [resampled_rows(weights, cluster, 0)])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "name": f"1,000,000 cases × 21 groups × 9 metrics × {REPLICATES:,}", "peer_name": "scikit-learn loop",
        "ours": seconds, "peer": one * REPLICATES,
        "note": f"peer extrapolated from 1 replicate; peak memory of this whole process {memory:.1f} GB",
    }  # fmt: skip
