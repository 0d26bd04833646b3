"""What the inference of a run cost: seconds of each stage, memory, and where they can be read GPU use and energy.

Costs are facts of one machine on one day: no result depends on them, and they are kept apart from all results.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

INTERVAL = 0.5  # seconds between two looks
ENERGY = Path("/sys/class/powercap")
GPU = "utilization.gpu,memory.used,power.draw"


@dataclass(slots=True)
class Meter:
    """Looks at the machine while a run goes on, on a thread of its own.

    memory : most bytes that this process and its children have held together      gpu : (share used, bytes, watts) of each look
    """

    started: float = 0.0
    memory: int = 0
    gpu: list[tuple[float, float, float]] = field(default_factory=list)
    _energy: dict[Path, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.started = time.perf_counter()
        self._energy = _counters()
        self._look()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="meter")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._look()

    def document(self) -> dict[str, Any]:
        """seconds, peak_memory_bytes; processor_joules, and gpu {utilisation, peak_memory_bytes, joules}, None where not readable."""
        seconds = time.perf_counter() - self.started
        return {
            "seconds": seconds,
            "peak_memory_bytes": self.memory,
            "processor_joules": self._joules(),
            "gpu": None
            if not self.gpu
            else {
                "utilisation": sum(share for share, _, _ in self.gpu) / len(self.gpu),
                "peak_memory_bytes": max(memory for _, memory, _ in self.gpu),
                "joules": seconds * sum(watts for _, _, watts in self.gpu) / len(self.gpu),
            },
        }

    def _watch(self) -> None:
        offered = shutil.which("nvidia-smi") is not None
        while not self._stop.wait(INTERVAL):
            self._look()
            if offered and (found := _gpu()) is not None:
                self.gpu.append(found)

    def _look(self) -> None:
        import psutil

        own = psutil.Process()
        total = 0
        for process in (own, *_children(own)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        self.memory = max(self.memory, total)

    def _joules(self) -> float | None:
        """Of the processor packages since the start; a counter that went round tells nothing."""
        now = _counters()
        if not self._energy or any(now.get(path, -1) < was for path, was in self._energy.items()):
            return None
        return sum(now[path] - was for path, was in self._energy.items()) / 1e6


def _children(process: Any) -> Iterator[Any]:
    import psutil

    with contextlib.suppress(psutil.Error):
        yield from process.children(recursive=True)


def _counters() -> dict[Path, int]:
    found = {}
    for path in sorted(ENERGY.glob("intel-rapl:[0-9]*/energy_uj")):
        if path.parent.name.count(":") == 1:  # whole packages, not their parts
            with contextlib.suppress(OSError, ValueError):
                found[path] = int(path.read_text())
    return found


def _gpu() -> tuple[float, float, float] | None:
    command = ["nvidia-smi", f"--query-gpu={GPU}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
        rows = [[float(part) for part in line.split(",")] for line in answer.strip().splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if not rows:
        return None
    share, memory, watts = (sum(column) for column in zip(*rows, strict=True))
    return share / len(rows) / 100, memory * (1 << 20), watts


def cost_document(timings: Sequence[Mapping[str, Any]], meter: Mapping[str, Any]) -> dict[str, Any]:
    """The cost of a run: by model and pass from the table of timings, over all its starts; and this start's machine.

    Decoding is shared by all models and passes of the same stretch of cases, so it is counted once for each stretch. Seconds of
    decoding, disturbing and preprocessing are summed over workers, which work side by side.
    """
    by_model: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    shared: dict[int, Mapping[str, Any]] = {}
    for row in timings:
        by_model.setdefault((row["model"], row["pass"]), []).append(row)
        if row["decode_seconds"] >= shared.get(row["shard"], row)["decode_seconds"]:
            shared[row["shard"]] = row
    models = [
        {
            "model": model,
            "pass": pass_id,
            "cases": sum(row["cases"] for row in rows),
            "predict_seconds": sum(row["predict_seconds"] for row in rows),
            "predict_seconds_per_case": _per_case(rows, "predict_seconds"),
        }
        for (model, pass_id), rows in by_model.items()
    ]
    cases = max((entry["cases"] for entry in models), default=0)
    ahead = {
        name: sum(row[f"{name}_seconds"] for row in shared.values()) for name in ("decode", "perturb", "preprocess")
    }
    after = {name: sum(row[f"{name}_seconds"] for row in timings) for name in ("predict", "postprocess", "store")}
    stages = {
        "decode": max(ahead["decode"] - ahead["perturb"] - ahead["preprocess"], 0.0),
        "perturb": ahead["perturb"],
        "preprocess": ahead["preprocess"],
        "model": max(after["predict"] - after["postprocess"], 0.0),
        "postprocess": after["postprocess"],
        "store": after["store"],
    }
    return {
        "schema_version": "1",
        "cases": cases,
        "stages": [
            {"stage": name, "seconds": seconds, "milliseconds_per_case": 1000 * seconds / cases if cases else None}
            for name, seconds in stages.items()
        ],
        "slowest": max(stages, key=lambda name: stages[name]),
        "models": models,
        "machine": dict(meter),
    }


def _per_case(rows: Sequence[Mapping[str, Any]], stage: str) -> float | None:
    cases = sum(row["cases"] for row in rows)
    return sum(row[stage] for row in rows) / cases if cases else None
