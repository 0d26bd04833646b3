"""From `validate run` to the first case that a model is given, on the sample study: beside what any script must import.

Peer, in the same run: a plain Python that imports what a hand-written script of the same kind does (onnxruntime, pydicom, numpy,
pandas or pyarrow, scikit-learn) and opens the model. The note holds the seconds, whose goal is 3.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from validate.resources import resource

SCRIPT = """
import onnxruntime, pydicom, numpy, pyarrow.parquet, sklearn.metrics
onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"])
"""


def run(*, quick: bool) -> list[dict[str, Any]]:
    repeats = 1 if quick else 5
    ours = statistics.median(_until_inference() for _ in range(repeats))
    peer = statistics.median(_script() for _ in range(repeats))
    return [
        {
            "name": "Start of a run, ONNX model, 410 files indexed and locked",
            "peer_name": "imports of a plain script",
            "ours": ours,
            "peer": peer,
            "note": f"{ours:.2f} s until inference begins (goal: 3)",
        }
    ]


def _until_inference() -> float:
    """Seconds from the start of the process to the event that inference has begun, by the run's own audit trail."""
    with tempfile.TemporaryDirectory() as folder:
        home = {**os.environ, "VALIDATE_HOME": str(Path(folder, "home"))}
        shipped = resource("protocols", "gallery", "cxr-opacity-acceptance.yaml")
        protocol = Path(
            folder, "protocols", "gallery", shipped.name
        )  # in a place of its own: nothing is locked there yet
        protocol.parent.mkdir(parents=True)
        protocol.write_bytes(shipped.read_bytes())
        Path(folder, "sample_data").symlink_to(resource("sample_data").absolute())
        began = datetime.now().astimezone()
        command = [sys.executable, "-m", "validate", "run", str(protocol), "--out", str(Path(folder, "run"))]
        subprocess.run(command, env=home, check=False, capture_output=True)
        trail = next(Path(folder, "run").rglob("audit*.jsonl")).read_text(encoding="utf-8")
    times = {event["type"]: event["time"] for event in map(json.loads, trail.splitlines())}
    return (datetime.fromisoformat(times["inference_started"]) - began).total_seconds()


def _script() -> float:
    import time

    code = SCRIPT.format(model=str(resource("sample_data", "models", "opacity.onnx")))
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start
