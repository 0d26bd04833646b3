"""Commands start without pandas; whoever asks pyarrow for a frame still gets one."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from validate.cli.arrow_alone import leave_pandas_out
leave_pandas_out()
import pyarrow as pa
table = pa.table({"score": pa.array([0.25, None])})
assert "pandas" not in sys.modules, "pandas was imported"
assert not any(finder.__class__.__name__ == "type" and finder.__name__ == "Refusal" for finder in sys.meta_path)
frame = table.to_pandas()
assert frame["score"].tolist()[0] == 0.25 and frame["score"].isna().tolist() == [False, True]
"""


def test_arrays_are_built_without_pandas_and_frames_are_still_made() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_where_pandas_is_there_already_series_stay_series() -> None:
    code = (
        "import pandas, pyarrow\nfrom validate.cli.arrow_alone import leave_pandas_out\nleave_pandas_out()\n"
        "assert pyarrow.array(pandas.Series([1.0, float('nan')])).null_count == 1"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_runs_before_a_model_needs_neither_statistics_nor_paper() -> None:
    code = (
        "import sys\nimport validate.run_protocol\n"
        "late = {'scipy.special', 'scipy.ndimage', 'scipy.stats', 'pandas', 'jinja2', 'weasyprint', 'torch', 'sklearn'}\n"
        "assert not late & set(sys.modules), sorted(late & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
