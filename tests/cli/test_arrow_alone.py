"""Commands start without pandas; whoever asks pyarrow for a frame still gets one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from validate.resources import resource

ALONE = """
import sys
from validate.cli.arrow_alone import leave_pandas_out
leave_pandas_out()
import pyarrow as pa
table = pa.table({"score": pa.array([0.25, None])})
assert "pandas" not in sys.modules, "pandas was imported"
assert not any(getattr(finder, "__name__", "") == "Refusal" for finder in sys.meta_path)
frame = table.to_pandas()
assert frame["score"].tolist()[0] == 0.25 and frame["score"].isna().tolist() == [False, True]
"""
SERIES = """
import pandas, pyarrow
from validate.cli.arrow_alone import leave_pandas_out
leave_pandas_out()
assert pyarrow.array(pandas.Series([1.0, float("nan")])).null_count == 1
"""
BEFORE_A_MODEL = """
import sys
from validate import run_stages
from validate.cli.main import app

def inference(self, plan, models, *, engine):
    late = {"scipy.special", "scipy.stats", "pandas", "numba", "jinja2", "weasyprint", "torch", "sklearn"}
    print("early:", *sorted(late & set(sys.modules)))
    sys.exit(0)

run_stages.Stages.inference = inference
app(["run", sys.argv[1], "--out", sys.argv[2], "--exploratory"])
"""


def _ran(code: str, *arguments: object) -> str:
    line = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_arrays_are_built_without_pandas_and_frames_are_still_made() -> None:
    _ran(ALONE)


def test_where_pandas_is_there_already_series_stay_series() -> None:
    _ran(SERIES)


def test_what_runs_before_a_model_needs_neither_statistics_nor_paper(tmp_path: Path) -> None:
    protocol = resource("protocols", "gallery", "cxr-opacity-acceptance.yaml")
    assert "early:\n" in _ran(BEFORE_A_MODEL, protocol, tmp_path / "run")
