"""Sealing and verifying against a plain hashing loop over the same bytes; computing again against computing."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import validate
from validate.canonical import pretty_json
from validate.evidence.manifest import AUDIT, OUTSIDE, run_files
from validate.evidence.recount import recount
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verify import verify
from validate.numbers import computed, recomputation
from validate.protocol.load import load_protocol
from validate.provenance.audit import AuditTrail

PROTOCOL = """
schema_version: "1"
id: bench-evidence
version: 1.0.0
title: A large table of outputs
profile: acceptance
intended_use: A benchmark.
task: classification
seed: 1
cohort:
  sources: [{{table: cases.csv, key: case, patient: patient}}]
  unit: image
  cluster: patient
  sampling: consecutive
reference: {{table: cases.csv, key: case, level: image, label: label, positive: 1, standard: Drawn by lot.}}
models:
  - id: model
    name: Model
    version: 1.0.0
    format: predictions
    path: cases.csv
    key: case
    score: score
    output: {{activation: none, kind: probability}}
    operating_point: {{threshold: 0.5, rule: ">=", source: benchmark}}
endpoints:
  - {{id: auroc, metric: classification.auroc, role: primary, interval: {{method: bootstrap}}, rationale: Benchmark.}}
  - {{id: sensitivity, metric: classification.sensitivity, role: secondary, interval: {{method: bootstrap}}}}
  - {{id: specificity, metric: classification.specificity, role: secondary, interval: {{method: bootstrap}}}}
  - {{id: brier, metric: classification.brier, role: secondary, interval: {{method: bootstrap}}}}
strata: [sex, site]
resampling: {{replicates: {replicates}}}
report: {{formats: [html]}}
"""


def run(*, quick: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["VALIDATE_HOME"] = f"{scratch}/home"
        rows = _hashing(Path(scratch) / "bytes", megabytes=20 if quick else 800)
        return rows + _numbers(Path(scratch), cases=3_000 if quick else 100_000, replicates=400 if quick else 2000)


def _hashing(folder: Path, *, megabytes: int) -> list[dict[str, Any]]:
    """A run folder of many large files, so that what is not hashing shows."""
    (folder / "results").mkdir(parents=True)
    for number in range(20):
        (folder / f"results/{number:02d}.parquet").write_bytes(os.urandom(megabytes * 50_000))
    for name in ("estimates.json", "verdict.json"):
        (folder / name).write_bytes(pretty_json({}))
    (folder / "report").mkdir()
    (folder / "report/report.html").write_bytes(os.urandom(megabytes * 1000))
    files = [folder / name for name in run_files(folder)]
    plain = _best(lambda: [_plain(path) for path in files])

    def seal() -> None:
        (folder / AUDIT).unlink(missing_ok=True)
        with AuditTrail(folder / AUDIT) as trail:
            write_manifest(folder, inputs={}, created="2026-03-03T00:00:00Z")
            write_seal(folder, audit_head=trail.head)

    with AuditTrail(folder / AUDIT) as trail:
        trail.append("started")
    sealing = _best(seal)
    assert verify(folder).holds
    verifying = _best(lambda: verify(folder))
    size = sum(path.stat().st_size for path in files) / 1e6
    note = f"{size:,.0f} MB in {len(files)} files; the share of pure hashing, goal 0.8"
    return [
        {"name": "seal", "peer_name": "hashlib over the same bytes", "ours": sealing, "peer": plain, "note": note},
        {"name": "verify, no numbers", "peer_name": "hashlib over the same bytes", "ours": verifying, "peer": plain, "note": note},
    ]  # fmt: skip


def _plain(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _numbers(folder: Path, *, cases: int, replicates: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(20261124)
    label = rng.random(cases) < 0.3
    score = 1 / (1 + np.exp(-(rng.normal(size=cases) + 1.5 * label - 1)))
    lines = [f"C{i},P{i // 3},{'MF'[i // 3 % 2]},S{i % 10},{int(label[i])},{score[i]:.6f}" for i in range(cases)]
    (folder / "cases.csv").write_text("case,patient,sex,site,label,score\n" + "\n".join(lines) + "\n")
    (folder / "study.yaml").write_text(PROTOCOL.format(replicates=replicates))
    done = validate.run(folder / "study.yaml", out=folder / "run").folder
    protocol = load_protocol(folder / "study.yaml").protocol
    assert verify(done, recompute=recomputation).status == "VERIFIED"
    first = _best(lambda: computed(done, protocol, locked=True), times=2)
    again = _best(lambda: recomputation(done), times=2)
    whole = _best(lambda: verify(done, recompute=recomputation), times=2)
    counted = _best(lambda: recount(done), times=1)
    size = f"{cases:,} cases, {replicates:,} replicates"
    files = [done / name for name in run_files(done) if name not in OUTSIDE]
    return [
        {"name": "compute again", "peer_name": "compute", "ours": again, "peer": first, "note": f"{size}; goal at least 0.5"},
        {"name": "verify, everything", "peer_name": "compute", "ours": whole, "peer": first,
         "note": f"{size}; with {len(files)} files hashed and the second way of counting ({counted:.2f} s)"},
    ]  # fmt: skip


def _best(work: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
