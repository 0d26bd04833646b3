"""Killed at any moment and resumed, a run ends in the same bytes as an unbroken one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import validate
from validate.evidence.verify import verify
from validate.numbers import recomputation
from validate.run_unblinded import Run

SAME = ("estimates.json", "findings.json", "verdict.json", "results/units.parquet", "cohort/cases.parquet")


def start(gallery: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "validate", "run", str(gallery / "cxr-opacity-acceptance.yaml"), "--out", str(out), *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def shards(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted((folder / "inference").rglob("shard-*.parquet"))}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4, 5, 6))])
def test_a_run_killed_at_random_moments_ends_in_the_same_bytes(
    finished: Run, gallery: Path, tmp_path: Path, seed: int
) -> None:
    moments = random.Random(seed)
    out = tmp_path / "run"
    for _ in range(3):
        process = start(gallery, out, *(["--resume"] if out.exists() else []))
        time.sleep(moments.uniform(0.5, 5.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    resumed = validate.run(gallery / "cxr-opacity-acceptance.yaml", out=out, resume=out.exists())
    assert shards(resumed.folder) == shards(finished.folder)
    for name in SAME:
        assert (resumed.folder / name).read_bytes() == (finished.folder / name).read_bytes(), name


def test_an_interrupt_exits_130_and_resume_goes_on(gallery: Path, tmp_path: Path) -> None:
    process = start(gallery, tmp_path / "run")
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "evidence" / "audit.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=60)
    assert code == 130
    assert validate.run(gallery / "cxr-opacity-acceptance.yaml", out=tmp_path / "run", resume=True).report
    assert verify(tmp_path / "run", recompute=recomputation).differences == ()
