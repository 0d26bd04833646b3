"""How long a long report takes: 60 pages, 40 figures, 20 tables of 100 rows, and its share of a run.

Compared with the same words set by WeasyPrint in one piece, as a plain program would: with page totals and contents that it
counts itself, and every row of every table on paper.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

TABLES, ROWS, FIGURES = 20, 100, 40
REPORT = Path(__file__).parents[1] / "report"
PARTS = ("made_up_plan", "made_up_estimates", "made_up_groups", "made_up_findings", "made_up_study")


def main() -> None:
    """Print the time of each step, pages, and the ratio to a plain layout."""
    from validate.report import document, render
    from validate.report.addresses import for_paper
    from validate.report.sealed import read_sealed
    from validate.report.study import Study

    with tempfile.TemporaryDirectory() as made:
        folder = study(Path(made) / "run")
        begin = time.perf_counter()
        render.render(folder, out=Path(made) / "warm", formats=("html",))
        html = time.perf_counter() - begin
        begin = time.perf_counter()
        render.render(folder)
        whole = time.perf_counter() - begin
        text = (folder / "report/report.html").read_text(encoding="utf-8")
        pages = pages_of(folder / "report/report.pdf")
        figures = len(list((folder / "report/figures").glob("*.svg")))
        long = sum(block.count("<tr") > ROWS for block in re.findall(r"<table class=\"sortable\">.*?</table>", text, re.DOTALL))
        print(f"report of {pages} pages, {figures} figures, {long} tables of {ROWS} rows or more: {whole:.1f} s")
        print(f"  of which filling sections and drawing figures: about {html:.1f} s")
        begin = time.perf_counter()
        render.render(folder, out=Path(made) / "alone", workers=1)
        print(f"  with one process: {time.perf_counter() - begin:.1f} s")
        if "--plain" in sys.argv:
            sections = document.declared("acceptance")
            shown = document.filled(Study(read_sealed(folder), "acceptance"), [s for s in sections if s.tasks is None or "classification" in s.tasks])
            plain = for_paper(shown._framed(shown.bodies, screen=False)).replace(
                '"page 888 of 888"', '"page " counter(page) " of " counter(pages)'
            )
            begin = time.perf_counter()
            import weasyprint

            laid = weasyprint.HTML(string=plain).render(pdf_variant="pdf/ua-1", pdf_tags=True)
            laid.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True)
            took = time.perf_counter() - begin
            print(f"  the same in one piece, every row on paper: {took:.1f} s for {len(laid.pages)} pages, {took / whole:.1f} times as long")


def study(folder: Path) -> Path:
    """A run that nobody made, with as many groups as the tables and figures need."""
    modules: dict[str, Any] = {}
    for name in PARTS:
        spec = spec_from_file_location(name, REPORT / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = modules[name] = module_from_spec(spec)
        spec.loader.exec_module(modules[name])
    levels = {f"attribute_{a}": tuple(f"level {k}" for k in range(30)) for a in range(3)}
    models = tuple("abcdef")
    plan = modules["made_up_plan"].Plan(
        models=models, model_names=tuple(f"Model {m.upper()}" for m in models), levels={"sex": ("F", "M"), **levels},
        patients=40000, positives=60000, negatives=80000,
    )  # fmt: skip
    modules["made_up_study"].write_study(folder, plan)
    return folder


def pages_of(path: Path) -> int:
    """How many pages a PDF has."""
    import pypdf

    return len(pypdf.PdfReader(path).pages)


if __name__ == "__main__":
    main()
