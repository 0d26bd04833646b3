"""How long a long report takes, and its share of a run: more than 60 pages, 40 figures and 20 tables of 100 rows, all printed.

The peer is WeasyPrint given the same document in one piece, as a plain program would: it counts pages and contents itself, and
every row of every table is set on paper.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[2]
REPORT = Path(__file__).parents[1] / "report"
PARTS = ("made_up_plan", "made_up_estimates", "made_up_groups", "made_up_findings", "made_up_study")


def run(*, quick: bool) -> list[dict[str, Any]]:
    """Ours with all its outputs against the layout alone of the peer; and the report of a run against the rest of that run."""
    if quick:
        return [_measured("a short report, all outputs", models="a", levels=4), _share("cxr-opacity-table")]
    return [
        _long(),
        _share("cxr-opacity-table"),
        _share("cxr-opacity-acceptance"),
    ]


def _share(name: str) -> dict[str, Any]:
    """A study of the gallery from its images to its report; the call that writes the report is timed inside that run."""
    import validate
    from validate import run_unblinded

    spent: list[float] = []
    render = run_unblinded.render

    def timed(*args: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return render(*args, **options)
        finally:
            spent.append(time.perf_counter() - begin)

    with (
        tempfile.TemporaryDirectory() as made,
        patch.dict(os.environ, {"VALIDATE_HOME": f"{made}/home"}),  # nobody's ledger is written
        patch.object(run_unblinded, "render", timed),
    ):
        home = Path(made)
        if not (ROOT / "sample_data").is_dir():
            subprocess.run([sys.executable, "-m", "validate", "sample", str(home / "sample_data")], check=True)
        else:
            (home / "sample_data").symlink_to(ROOT / "sample_data")
        protocol = home / "protocols/gallery" / f"{name}.yaml"
        protocol.parent.mkdir(parents=True)
        protocol.write_bytes((ROOT / f"protocols/gallery/{name}.yaml").read_bytes())
        begin = time.perf_counter()
        done = validate.run(protocol, out=home / "run")
        total = time.perf_counter() - begin
        pages = pages_of(done.folder / "report/report.pdf")
    assert len(spent) == 1, "the report of a run is written once"
    report = spent[0]
    note = f"{100 * report / total:.0f}% of the run's {total:.1f} s; {pages} pages"
    return {
        "name": f"report of {name}",
        "peer_name": "the rest of its run",
        "ours": report,
        "peer": total - report,
        "note": note,
    }


def _long(repeats: int = 3) -> dict[str, Any]:
    """A study with a hundred groups, from its cases to its report: sealed evidence of the program's own, nothing filled in."""
    import validate
    from validate.report import render

    with tempfile.TemporaryDirectory() as made, patch.dict(os.environ, {"VALIDATE_HOME": f"{made}/home"}):
        protocol = _module("long_study", Path(__file__).with_name("long_study.py")).write_inputs(
            Path(made) / "in", models=3, cases=4000
        )
        done = validate.run(protocol, out=Path(made) / "run")
        taken, digests = [], set()
        for _ in range(repeats):
            begin = time.perf_counter()
            render.render(done.folder)
            taken.append(time.perf_counter() - begin)
            digests.add((done.folder / "report/report.pdf").read_bytes())
        assert len(digests) == 1, "equal evidence gives equal bytes"
        counted = _counted(done.folder)
        theirs, peer_pages = _peer(done.folder)
    note = f"{counted}; median of {repeats} ({min(taken):.1f} to {max(taken):.1f} s); the peer's {peer_pages} pages"
    ours = sorted(taken)[len(taken) // 2]
    return {
        "name": "a long report, all outputs",
        "peer_name": "WeasyPrint in one piece",
        "ours": ours,
        "peer": theirs,
        "note": note,
    }


def _counted(folder: Path) -> str:
    """Pages, figures and tables of a report, and how many rows of the long ones are on paper."""
    from validate.report.table import LONGEST

    tables = [
        len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in (folder / "report/tables").glob("*.csv")
    ]
    long = [rows for rows in tables if rows >= 90]
    assert all(rows <= LONGEST for rows in long), "long tables are printed whole"
    figures = len(list((folder / "report/figures").glob("*.svg")))
    pages = pages_of(folder / "report/report.pdf")
    return (
        f"{pages} pages, {figures} figures, {len(long)} tables of 100 rows printed whole, {sum(tables):,} rows in all"
    )


def _measured(name: str, *, models: str, levels: int) -> dict[str, Any]:
    from validate.report import render

    with tempfile.TemporaryDirectory() as made:
        folder = study(Path(made) / "run", models=models, levels=levels)
        render.render(folder, formats=("card", "tables"))  # imports are no part of either time
        begin = time.perf_counter()
        render.render(folder)
        ours = time.perf_counter() - begin
        counted = _counted(folder)
        theirs, peer_pages = _peer(folder)
    note = f"{counted}; the peer's {peer_pages} pages"
    return {"name": name, "peer_name": "WeasyPrint in one piece", "ours": ours, "peer": theirs, "note": note}


def _peer(folder: Path) -> tuple[float, int]:
    from validate.report.addresses import for_paper
    from validate.report.document import declared, filled
    from validate.report.sealed import read_sealed
    from validate.report.study import Study

    shown = Study(read_sealed(folder), "acceptance")
    sections = [one for one in declared("acceptance") if one.tasks is None or "classification" in one.tasks]
    document = filled(shown, sections)
    plain = for_paper(document._framed(document.bodies, screen=False))
    plain = plain.replace('"page 888 of 888"', '"page " counter(page) " of " counter(pages)')
    plain = re.sub(r'<span class="folio print-only"[^>]*>888</span>', "", plain)
    plain = plain.replace("</style>", ".contents a::after { content: target-counter(attr(href), page) }</style>", 1)
    begin = time.perf_counter()
    pages = _plainly(plain)
    return time.perf_counter() - begin, pages


def _plainly(html: str) -> int:
    import weasyprint

    laid = weasyprint.HTML(string=html).render(pdf_variant="pdf/ua-1", pdf_tags=True)
    laid.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True)
    return len(laid.pages)


def study(folder: Path, *, models: str, levels: int) -> Path:
    """A run that nobody made, with as many groups as tables of 100 rows need."""
    modules: dict[str, Any] = {}
    for name in PARTS:
        modules[name] = _module(name, REPORT / f"{name}.py")
    groups = {f"attribute_{a}": tuple(f"level {k}" for k in range(levels)) for a in range(3)}
    plan = modules["made_up_plan"].Plan(
        models=tuple(models), model_names=tuple(f"Model {m.upper()}" for m in models), levels=groups, patients=40000,
        positives=60000, negatives=80000,
    )  # fmt: skip
    modules["made_up_study"].write_study(folder, plan)
    return folder


def _module(name: str, path: Path) -> Any:
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages_of(path: Path) -> int:
    """How many pages a PDF has."""
    import pypdf

    return len(pypdf.PdfReader(path).pages)
