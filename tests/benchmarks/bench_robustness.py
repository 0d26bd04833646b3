"""What one more pass over disturbed images costs beside the bare model, for every cause, and whether memory grows with severities.

A ResNet-18 in ONNX (random weights, 224 × 224, CPU) reads images as scanners deliver them (native_images.py); of a volume of 32
slices it reads every slice. Bare: onnxruntime on arrays in memory, as many images as five passes hold. One more pass: the run with
five severities less the run without, held against that; so it holds the disturbance in native units, preprocessing, the way to the
model's process and storing; what is loaded once is loaded before. Everything in turn, and of each the best of as many repeats, since
the speed of a shared machine drifts: a short measurement has more quiet moments than a long one, so all are of one length.

    python tests/benchmarks/bench_robustness.py --causes ct_dose jpeg --out docs/robustness-passes.csv    # adds or replaces these
    python tests/benchmarks/bench_robustness.py --memory defocus ct_dose --out docs/robustness-memory.csv   # with 1, 3 and 5 severities

Seconds of processors, which a busy machine does not stretch, stand beside: of the program and of its model, one more pass less bare.
Memory: the largest resident size, looked at every 20 ms, of a process and its children with few passes and with many.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from native_images import SLICES, write_cases  # noqa: E402
from resnet18 import SIDE, write_resnet18  # noqa: E402

BATCH = 8
SEVERITIES = (1, 2, 3, 4, 5)
KINDS = {
    "radiography": "radiograph",
    "ct": "ct",
    "mr": "mr",
    "ultrasound": "ultrasound",
    "fundus": "colour",
    "any": "radiograph",
}
COUNTS = {"series": 3}
WINDOW = {"window": {"source": "window", "index": 0}}
RESIZE = {"resize": {"size": [SIDE, SIDE], "method": "bilinear", "antialias": False}}
STEPS: dict[str, tuple[Any, ...]] = {
    "colour": ({"window": {"source": "full_range"}}, RESIZE),
    "ultrasound": ({"window": {"source": "full_range"}}, RESIZE, {"channels": {"count": 3}}),
    "series": (WINDOW, {"resize": {"size": [SLICES, SIDE, SIDE], "method": "bilinear", "antialias": False}}),
}
COMMON = (WINDOW, RESIZE, {"channels": {"count": 3}})


@dataclass(frozen=True, slots=True)
class Cost:
    """
    added : of the bare model's time, by the clock      processors : the same in seconds of processors
    disturbing : milliseconds of one core for a megapixel (of colour, three numbers each), the disturbance alone
    """

    cause: str
    image: str
    added: float
    processors: float
    disturbing: float


@dataclass(frozen=True, slots=True)
class Peak:
    """Megabytes, the largest resident size of the program and its model, with so many severities of one cause."""

    cause: str
    image: str
    images: int
    one: int
    three: int
    five: int


def causes() -> list[str]:
    from validate.registry import load, names

    return [name for name in names("perturbations") if load("perturbations", name).suites]


def kind_of(cause: str) -> str:
    """The image that a cause is measured on."""
    from validate.registry import load

    one = load("perturbations", cause)
    return "series" if one.least_slices > 1 else KINDS[next(suite for suite in KINDS if suite in one.suites)]


def run(*, quick: bool) -> list[dict[str, Any]]:
    rows = [
        {"name": f"one more pass, {cost.cause}, {cost.image}", "peer_name": "bare ResNet-18", "ours": max(cost.added, 1e-6), "peer": 1.0,
         "note": f"adds {cost.added:.0%} of the bare model's time, {cost.processors:.0%} by seconds of processors"}
        for cost in costs(("quantum_noise", "ct_motion") if quick else causes(), repeats=1 if quick else 3)
    ]  # fmt: skip
    numbers = (1, 3) if quick else (5, 45)
    few, more = memory(numbers, 16 if quick else 24)
    peer = f"{numbers[0]} passes (GB)"
    row = {
        "name": f"peak memory, {numbers[1]} passes (GB)",
        "peer_name": peer,
        "ours": more / 1000,
        "peer": few / 1000,
        "note": "",
    }
    return [*rows, row]


def costs(wanted: Sequence[str], *, repeats: int) -> Iterator[Cost]:
    with tempfile.TemporaryDirectory() as name:
        for kind in dict.fromkeys(map(kind_of, wanted)):
            bench = _Bench(Path(name) / kind, kind)
            for cause in wanted:
                if kind_of(cause) == kind:
                    yield bench.cost(cause, repeats)


def memory(numbers: Sequence[int], count: int, cause: str = "quantum_noise") -> list[float]:
    """Megabytes with so many passes of a cause, on its images."""
    kind = kind_of(cause)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_resnet18(folder / "resnet18.onnx", SLICES if kind == "series" else 0)
        cases = write_cases(folder / "images", kind, count)
        return [_peak_megabytes(folder / "resnet18.onnx", cases, number, cause) for number in numbers]


class _Bench:
    """Images of one kind and their model."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.count = COUNTS.get(kind, 6 * BATCH)
        self.cases = write_cases(folder / "images", kind, self.count)
        self.model = folder / "resnet18.onnx"
        write_resnet18(self.model, SLICES if kind == "series" else 0)
        self.runs = 0

    def cost(self, cause: str, repeats: int) -> Cost:
        passes = tuple((cause, severity) for severity in SEVERITIES)
        self._engine(passes[:1])
        runs = [(self._bare(len(passes)), self._engine(()), self._engine(passes)) for _ in range(repeats)]
        bare, clean, disturbed = (_least(some) for some in zip(*runs, strict=True))
        shares = [(disturbed[i] - clean[i]) / bare[i] - 1 for i in (0, 1)]
        return Cost(cause, self.kind, round(shares[0], 3), round(shares[1], 3), round(self._disturbing(cause), 2))

    def _bare(self, passes: int) -> tuple[float, float]:
        """As many images as so many passes hold."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it would count as work
        session = onnxruntime.InferenceSession(self.model.read_bytes(), options, providers=["CPUExecutionProvider"])
        shape = (1, 1, SLICES, SIDE, SIDE) if self.kind == "series" else (BATCH, 3, SIDE, SIDE)
        batches = [np.random.default_rng(1).random(shape, np.float32) for _ in range(self.count // shape[0])]
        session.run(None, {"image": batches[0]})
        with _Clock() as clock:
            for batch in batches * passes:
                session.run(None, {"image": batch})
        return clock.seconds

    def _engine(self, passes: Sequence[tuple[str, int]]) -> tuple[float, float]:
        self.runs += 1
        return engine_seconds(self.model, self.cases, passes, self.folder / str(self.runs), self.kind)

    def _disturbing(self, cause: str) -> float:
        """Alone, on one thread, noise drawn once for the five severities as in a run."""
        import torch

        from validate.imaging.image import read_image
        from validate.imaging.perturb.draw import Noise
        from validate.imaging.series import read_series
        from validate.protocol.geometry import Geometry
        from validate.registry import load

        threads, one = torch.get_num_threads(), load("perturbations", cause)
        torch.set_num_threads(1)
        paths = self.cases[0]
        volume = read_series(paths, Geometry()) if self.kind == "series" else read_image(paths[0])
        best = float("inf")
        for _ in range(4):
            noise = Noise(lambda: np.random.Generator(np.random.Philox(key=1)))
            start = time.thread_time()
            for options in one.severities:
                one(volume, options, noise.again())
            best = min(best, time.thread_time() - start)
        torch.set_num_threads(threads)
        pixels = int(np.prod(volume.voxels.shape[:3]))
        return best / len(one.severities) * 1e3 / (pixels / 1e6)


class _Clock:
    """Seconds by the clock, and of processors: of this process and of those of its children that live all the while."""

    def __enter__(self) -> Self:
        self.start = time.perf_counter(), _processors()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, before, after = time.perf_counter() - self.start[0], self.start[1], _processors()
        self.seconds = seconds, sum(after[number] - before[number] for number in before.keys() & after.keys())


def _processors() -> dict[int, float]:
    own = psutil.Process()
    found = {}
    for one in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            found[one.pid] = sum(one.cpu_times()[:2])
    return found


def _least(found: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(one[0] for one in found), min(one[1] for one in found)


def engine_seconds(
    model: Path, cases: Sequence[tuple[Path, ...]], passes: Sequence[tuple[str, int]], out: Path, kind: str
) -> tuple[float, float]:
    from validate.inference.local import LocalEngine
    from validate.inference.store import read_inference

    plan = planned(model, cases, passes, kind)
    with _Clock() as clock:
        LocalEngine(kind="thread").run(plan, out=out, resume=False)
    rows = read_inference(out)
    assert rows.num_rows == len(cases) * (1 + len(passes))
    assert set(rows["status"].to_pylist()) == {"ok"}, set(rows["failure"].to_pylist())
    return clock.seconds


def planned(model: Path, cases: Sequence[tuple[Path, ...]], passes: Sequence[tuple[str, int]], kind: str) -> Any:
    from validate.cohort.case import Case, Cohort
    from validate.inference.plan import make_plan
    from validate.models.load import load_models
    from validate.protocol.passes import CLEAN, Pass
    from validate.protocol.schema import StudyProtocol
    from validate.registry import load

    series = kind == "series"
    block = {
        "id": "m", "name": "m", "version": "1", "format": "onnx", "path": str(model), "preprocess": STEPS.get(kind, COMMON),
        "output": {"activation": "sigmoid", "kind": "probability"}, **({"input": "series"} if series else {}),
    }  # fmt: skip
    protocol = StudyProtocol.model_validate(
        {
            "schema_version": "1", "id": "bench", "version": "1", "title": "Bench", "profile": "acceptance", "intended_use": "Bench",
            "task": "classification", "seed": 1,
            "cohort": {"sources": [{"dicom": "x"}], "unit": "series" if series else "image", "sampling": "random"},
            "reference": {"table": "r", "key": "k", "level": "series" if series else "image", "label": "opacity", "positive": 1,
                          "standard": "s"},
            "models": [block], "inference": {"batch_size": 1 if series else BATCH, "device": "cpu"},
            "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
        }
    )  # fmt: skip
    listed = tuple(
        Case(f"u{n}", f"p{n}", f"s{n}", f"e{n}", "0" * 64, {}, has_label=True, files=paths)
        for n, paths in enumerate(cases)
    )
    disturbed = tuple(
        Pass(
            f"{cause}-{number}",
            volume_transform={
                "name": cause,
                "options": load("perturbations", cause).severities[(number - 1) % 5],
                "seed": 1,
                "stream": cause,
            },
        )
        for cause, number in passes
    )
    return make_plan(
        protocol, Cohort(listed, (), (), "0" * 64), load_models(protocol, base=Path()), (CLEAN, *disturbed)
    )


def _peak_megabytes(model: Path, cases: Sequence[tuple[Path, ...]], passes: int, cause: str) -> float:
    """Of a process of its own."""
    files = [str(path) for paths in cases for path in paths]
    command = [sys.executable, __file__, "--child", str(model), str(passes), cause, str(len(cases[0])), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return float(done.stdout.split()[-1])


def _child(model: str, passes: str, cause: str, together: str, *files: str) -> None:
    wanted, size = [(cause, number + 1) for number in range(int(passes))], int(together)
    cases = [tuple(map(Path, files[place : place + size])) for place in range(0, len(files), size)]
    own, most, done = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            with contextlib.suppress(psutil.Error):
                most[0] = max(most[0], sum(one.memory_info().rss for one in (own, *own.children(recursive=True))))

    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory() as out:
        engine_seconds(Path(model), cases, wanted, Path(out, "o"), kind_of(cause))
    done.set()
    print(most[0] / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--causes", nargs="+", default=None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--memory", nargs="+", metavar="CAUSE", help="the largest resident size with 1, 3 and 5 severities, instead"
    )
    parser.add_argument("--images", type=int, default=3 * BATCH, help="behind a measurement of memory")
    parser.add_argument("--out", type=Path, help="CSV, in which these causes are added or replaced")
    options = parser.parse_args()
    if options.memory:
        for cause in options.memory:
            count = max(2, options.images // SLICES * 4) if kind_of(cause) == "series" else options.images
            sizes = memory((1, 3, 5), count, cause)
            peak = Peak(cause, kind_of(cause), count, *(round(size) for size in sizes))
            print(*asdict(peak).values(), flush=True)
            if options.out is not None:
                _put(options.out, peak)
        return
    for cost in costs(options.causes or causes(), repeats=options.repeats):
        print(*asdict(cost).values(), flush=True)
        if options.out is not None:
            _put(options.out, cost)


def _put(path: Path, cost: Cost | Peak) -> None:
    before = list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []
    rows = {(row["cause"], int(row.get("images") or 0)): row for row in (*before, asdict(cost))}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [one.name for one in fields(cost)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))


if __name__ == "__main__":
    _child(*sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main()
