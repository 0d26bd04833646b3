"""Memory of a run from 1,000 to 100,000 cases: `python tests/benchmarks/memory_study.py --out runs/memory`.

Each size is a process of its own that runs the engine over real DICOM files; the memory of it and of its children is read from the
kernel twice a second (resident pages; those that processes share are counted in each). Writes memory.csv and memory.svg.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]
SIZES = (1_000, 10_000, 100_000)
EVERY = 0.5  # seconds between two readings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    rows = [(size, *reading) for size in options.sizes for reading in _readings(size)]
    with (options.out / "memory.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("cases", "done", "seconds", "mib"), *rows])
    for size in options.sizes:
        mine = [mib for cases, _, _, mib in rows if cases == size]
        print(f"{size:>9,} cases   highest {max(mine):7.1f} MiB   at the end {mine[-1]:7.1f} MiB")
    _plot(rows, options.out / "memory.svg")


def _readings(size: int) -> Iterator[tuple[int, float, float]]:
    """Cases done, seconds since the engine began, MiB of the process and its children."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--out", "-", "--child", str(size)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        done, seconds, mib = line.split()
        yield int(done), float(seconds), float(mib)
    if child.wait():
        raise SystemExit(f"the run over {size:,} cases ended with {child.returncode}")


def _child(size: int) -> None:
    from bench_pipeline import _plan, _readable

    from validate.inference.local import ENGINE
    from validate.resources import resource

    files = _readable(resource("sample_data", "cxr"))
    plan = _plan(resource("sample_data", "models", "opacity.onnx"), [files[n % len(files)] for n in range(size)])
    done, start, ended = [0], time.perf_counter(), threading.Event()

    def read() -> None:
        while True:
            print(done[0], f"{time.perf_counter() - start:.2f}", f"{_resident() / 2**20:.1f}", flush=True)
            if ended.wait(EVERY):
                return

    def count(name: str, data: dict[str, object]) -> None:
        if name == "shard_written":
            done[0] += int(str(data["rows"]))

    reader = threading.Thread(target=read)
    reader.start()
    with tempfile.TemporaryDirectory() as folder:
        ENGINE.run(plan, out=Path(folder, "inference"), resume=False, on_event=count)
        ended.set()
        reader.join()
        print(done[0], f"{time.perf_counter() - start:.2f}", f"{_resident() / 2**20:.1f}", flush=True)


def _resident() -> int:
    """Bytes of resident memory of this process and all below it."""
    import psutil

    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return int(total)


def _plot(rows: list[tuple[int, int, float, float]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for size, colour in zip(sorted({row[0] for row in rows}), ("#9aa4ad", "#5b7c99", "#0b4f8a"), strict=False):
        mine = [row for row in rows if row[0] == size and row[1] > 0]
        axes.plot(
            [row[1] for row in mine],
            [row[3] for row in mine],
            color=colour,
            lw=1.6,
            marker="o" if len({row[1] for row in mine}) == 1 else "",
        )
        axes.annotate(
            f"{size:,} cases",
            (mine[-1][1], mine[-1][3]),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(0)
    axes.set_xlim(200, max(SIZES) * 3)
    axes.set_xlabel("cases done")
    axes.set_ylabel("memory, MiB")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
