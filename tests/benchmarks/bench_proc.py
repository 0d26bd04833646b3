"""DeLong's interval and the bootstrap of the AUROC against R's pROC, which must be installed: `apt install r-cran-proc`.

pROC resamples rows within the classes; here patients of three rows each are resampled, which it can not do. Its
replicates are timed on a few and taken to cost the same each.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from validate.metrics.metric import Rows
from validate.metrics.replicates import replicate_values
from validate.registry import load
from validate.stats.delong import delong, delong_limits
from validate.stats.resample import ClusterWeights, resampling_key

SCRIPT = """
suppressMessages(library(pROC))
data <- read.csv(commandArgs(TRUE)[1])
found <- roc(data$y, data$s, levels = c(0, 1), direction = "<", quiet = TRUE)
once <- ci.auc(found, method = "delong")
start <- proc.time()[["elapsed"]]
for (i in 1:3) ci.auc(roc(data$y, data$s, levels = c(0, 1), direction = "<", quiet = TRUE), method = "delong")
delong <- (proc.time()[["elapsed"]] - start) / 3
boots <- as.integer(commandArgs(TRUE)[2])
start <- proc.time()[["elapsed"]]
drawn <- ci.auc(found, method = "bootstrap", boot.n = boots, progress = "none")
cat(once[1:3], delong, (proc.time()[["elapsed"]] - start) / boots, "\\n")
"""


def run(*, quick: bool) -> list[dict[str, Any]]:
    n, replicates, boots = (2000, 256, 20) if quick else (100_000, 2048, 20)
    rng = np.random.default_rng(20261122)
    positive = rng.random(n) < 0.3
    score = np.round(rng.normal(size=n) + 1.2 * positive, 4)
    peer = _proc(score, positive, boots)
    if peer is None:
        print("R with pROC is not installed (apt install r-cran-proc), so it is not compared")
        return []
    found, seconds = _timed(lambda: delong(score, positive))
    limits = delong_limits(found.auroc, found.variance)
    np.testing.assert_allclose([float(limits.low), found.auroc, float(limits.high)], peer[:3], atol=1e-9)
    metric = load("metrics", "classification.auroc")
    weights = ClusterWeights(-(-n // 3), replicates, resampling_key(1, "bench"))
    rows, everybody = Rows({"score": score, "positive": positive}), np.ones((1, n), np.bool_)
    (values,), bootstrap = _timed(
        lambda: replicate_values([metric], rows, cluster=np.arange(n) // 3, groups=everybody, weights=weights)
    )
    spread = float(values.value[:, 0].std())
    assert abs(spread / float(np.sqrt(found.variance)) - 1) < 0.15
    return [
        {"name": f"DeLong interval, {n:,} cases", "peer_name": "pROC", "ours": seconds, "peer": peer[3],
         "note": "limits equal to 1e-9"},
        {"name": f"AUROC bootstrap, {n:,} cases × {replicates:,}", "peer_name": "pROC", "ours": bootstrap,
         "peer": peer[4] * replicates, "note": f"theirs timed on {boots} replicates"},
    ]  # fmt: skip


def _timed(work: Any) -> tuple[Any, float]:
    result, best = work(), np.inf
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return result, float(best)


def _proc(score: np.ndarray, positive: np.ndarray, boots: int) -> list[float] | None:
    """[low, AUROC, high, seconds of DeLong, seconds a replicate]; None where R or pROC is missing."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder) / "proc.R", Path(folder) / "data.csv"
        script.write_text(SCRIPT)
        lines = [f"{int(y)},{s!r}" for y, s in zip(positive.tolist(), score.tolist(), strict=True)]
        data.write_text("\n".join(["y,s", *lines]))
        done = subprocess.run(
            ["Rscript", str(script), str(data), str(boots)], capture_output=True, text=True, check=False
        )  # fmt: skip
    return [float(word) for word in done.stdout.split()] if done.returncode == 0 else None
