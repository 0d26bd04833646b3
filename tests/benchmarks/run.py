"""Our speed as ratios to peers, measured in the same run on the same machine: `make bench`.

Each bench_<subject>.py beside this file has `run(quick)`, which asserts equal outputs first and then returns rows.
Absolute seconds mean little on a shared machine; the ratio of two things timed in turn means something.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ours, peer : seconds for the same work    note : what was extrapolated, and from what"""

    name: str
    peer_name: str
    ours: float
    peer: float
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.peer / self.ours


def subjects() -> dict[str, Path]:
    return {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}


def rows_of(path: Path, *, quick: bool) -> list[Row]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return [Row(**row) if isinstance(row, dict) else row for row in module.run(quick=quick)]


def _seconds(seconds: float) -> str:
    return f"{seconds:,.3f}" if seconds >= 0.1 else f"{seconds:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(subjects()), action="append")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not how fast")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [row for name, path in subjects().items() if not options.only or name in options.only
            for row in rows_of(path, quick=options.quick)]  # fmt: skip
    if options.json:
        print(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("what", "ours, s", "peer", "peer, s", "ratio", "note"):
        table.add_column(
            title, justify="right" if title in {"ours, s", "peer, s", "ratio"} else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(row.name, _seconds(row.ours), row.peer_name, _seconds(row.peer), f"{row.ratio:,.1f}×", row.note)
    console = Console(width=150)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    console.print(table)


if __name__ == "__main__":
    main()
