"""How long a long report takes, and its share of a run: about 60 pages, 40 figures and 20 tables of 100 rows, all printed.

Once with all its sections, and once of that shape: of the sections with the figures and the long tables, the first 40 and the first
20, without the short tables between them. What its parts take is counted in a rendering of its own, all in one process.

    python tests/benchmarks/bench_report.py --out docs/report-speed.csv    # the stored run: both beside the peer, in turn

The peer is WeasyPrint given the same document in one piece, as a plain program would: it counts pages and contents itself, and
every row of every table is set on paper.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[2]
REPORT = Path(__file__).parents[1] / "report"
FULL = frozenset({"R00", "R02", "R13", "R14", "R15", "R20"})  # sections with the figures and the tables of 100 rows
FIGURES, TABLES, ROWS = 40, 20, 90
FIGURE = re.compile(r"<figure.*?</figure>", re.DOTALL)
TABLE = re.compile(r'<div class="tabled[^"]*" id="(?!stated|facts|verdict)[^"]*">.*?</div>', re.DOTALL)
MOST = 12.0  # seconds that 60 pages, 40 figures and 20 tables of 100 rows may take on two cores
PARTS = ("made_up_plan", "made_up_estimates", "made_up_groups", "made_up_findings", "made_up_study")


def run(*, quick: bool) -> list[dict[str, Any]]:
    """Ours with all its outputs against the layout alone of the peer; and the report of a run against the rest of that run."""
    if quick:
        return [_measured("a short report, all outputs", models="a", levels=4), _share("cxr-opacity-table")]
    return [
        *_long(),
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


def _long(repeats: int = 3, *, apart: bool = True) -> list[dict[str, Any]]:
    """A study with a hundred groups, from its cases to its report: sealed evidence of the program's own, nothing filled in."""
    import validate

    with tempfile.TemporaryDirectory() as made, patch.dict(os.environ, {"VALIDATE_HOME": f"{made}/home"}):
        protocol = _module("long_study", Path(__file__).with_name("long_study.py")).write_inputs(
            Path(made) / "in", models=3, cases=4000
        )
        folder = validate.run(protocol, out=Path(made) / "run").folder
        return timed_reports(folder, repeats, apart=apart)


def timed_reports(folder: Path, repeats: int, *, apart: bool = True) -> list[dict[str, Any]]:
    """The report of a run with what its figures and long tables fill, and with all.    apart : what its parts take, too"""
    rows = [
        _timed(folder, repeats, f"a report of {FIGURES} figures, {TABLES} tables of 100 rows", FULL),
        _timed(folder, repeats, "a report of all sections of the same study", None),
    ]
    if apart:
        for row, kept in zip(
            rows, (FULL, None), strict=True
        ):  # after the peers, which must not be set by our short ways
            row["note"] += f"; of one process's time {shares(folder, kept)}"
    return rows


def _timed(folder: Path, repeats: int, name: str, kept: frozenset[str] | None) -> dict[str, Any]:
    from validate.report import render

    taken, digests = [], set()
    with _only(kept):
        shutil.rmtree(folder / "report", ignore_errors=True)  # what other sections left there is not counted
        for _ in range(repeats):
            begin = time.perf_counter()
            render.render(folder)
            taken.append(time.perf_counter() - begin)
            digests.add((folder / "report/report.pdf").read_bytes())
        assert len(digests) == 1, "equal evidence gives equal bytes"
        counted = _counted(folder)
        theirs, peer_pages = _peer(folder)
    ours = sorted(taken)[len(taken) // 2]
    within = "within" if ours <= MOST else "beyond"
    return {
        "name": f"{name}, all outputs",
        "peer_name": "WeasyPrint in one piece",
        "ours": ours,
        "peer": theirs,
        "note": f"{counted}; median of {repeats} ({min(taken):.1f} to {max(taken):.1f} s), {within} {MOST:.0f} s; "
        f"the peer's {peer_pages} pages",
    }  # fmt: skip


@contextmanager
def _only(kept: frozenset[str] | None) -> Iterator[None]:
    """Reports of the figures and long tables of these sections alone; None for all there is."""
    from validate.report import document, render

    declared, filled = document.declared, document.filled

    def some(*arguments: Any) -> list[Any]:
        return [section for section in declared(*arguments) if kept is None or section.id in kept]

    def shaped(*arguments: Any, **options: Any) -> Any:
        whole = filled(*arguments, **options)
        return whole if kept is None else replace(whole, bodies=_shaped(whole.bodies))

    with ExitStack() as patches:
        for module in (render, document):
            patches.enter_context(patch.object(module, "declared", some))
            patches.enter_context(patch.object(module, "filled", shaped))
        yield


def _shaped(bodies: Sequence[Any]) -> tuple[Any, ...]:
    """The first 40 figures and the first 20 tables of 100 rows, and no other tables between them; the front pages as they are."""
    left = {"figures": FIGURES, "tables": TABLES}

    def figure(found: re.Match[str]) -> str:
        drawn = found.group().count("data-figure=")
        left["figures"] -= drawn
        return found.group() if left["figures"] >= 0 else ""

    def table(found: re.Match[str]) -> str:
        if found.group().count("<tr") < ROWS:
            return ""
        left["tables"] -= 1
        return found.group() if left["tables"] >= 0 else ""

    front = {"R00", "R02"}
    left["figures"] -= sum(len(re.findall('data-figure="(?!key-)', one.body)) for one in bodies if one.id in front)
    return tuple(
        one if one.id in front else replace(one, body=type(one.body)(FIGURE.sub(figure, TABLE.sub(table, one.body))))
        for one in bodies
    )


def shares(folder: Path, kept: frozenset[str] | None) -> str:
    """What parts of a report take of all, in time of the processor: rendered by one process, so that all of it is seen."""
    from validate.report import render
    from validate.report.drawing import Drawing
    from validate.report.sheet import Sheet

    clock = _Clock()
    with ExitStack() as patches, tempfile.TemporaryDirectory() as out:
        patches.enter_context(_only(kept))
        render.render(folder, out=Path(out), workers=1)  # imports and typefaces are no part of it
        for owner, function, part in (
            (render, "_document", "filling"), (Sheet, "__init__", "layout"), (Sheet, "numbered", "drawing pages"),
            (Drawing, "draw", "figures"), (render, "bound", "merging"), (render, "paper_document", "reading back"),
            (render, "sealed_names", "reading back"), (render, "_write_tables", "writing"), (render, "_write", "writing"),
            (render, "_write_figures", "writing"), (render, "printed_tables", "writing"),
        ):  # fmt: skip
            patches.enter_context(patch.object(owner, function, clock.timed(getattr(owner, function), part)))
        for module, name, function in _figures():
            patches.enter_context(patch.object(module, name, clock.timed(function, "figures")))
        begin = time.process_time()
        render.render(folder, out=Path(out), workers=1)
        whole = time.process_time() - begin
    clock.spent["the rest"] = whole - sum(clock.spent.values())
    ordered = sorted(clock.spent.items(), key=lambda one: (one[0] == "the rest", -one[1]))
    return ", ".join(f"{part} {100 * spent / whole:.0f}%" for part, spent in ordered) + f" of {whole:.1f} s"


def _figures() -> list[tuple[Any, str, Any]]:
    """Where sections call what makes a figure: module, name there, function."""
    found = []
    for module in [one for name, one in sys.modules.items() if name.startswith("validate.report.")]:
        if not module.__name__.startswith("validate.report.figures"):
            found += [
                (module, name, one)
                for name, one in vars(module).items()
                if inspect.isfunction(one) and one.__module__.startswith("validate.report.figures")
            ]
    return found


class _Clock:
    """Time of the processor by part, in each thread; what a part spends within another is its own alone."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._open = threading.local()

    def timed(self, function: Any, part: str) -> Any:
        def measured(*arguments: Any, **options: Any) -> Any:
            within = self._open.__dict__.setdefault("parts", [])
            within.append(0.0)
            begin = time.thread_time()
            try:
                found = function(*arguments, **options)
                return list(found) if inspect.isgenerator(found) else found
            finally:
                spent = time.thread_time() - begin
                self.spent[part] += spent - within.pop()
                if within:
                    within[-1] += spent

        return measured


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
    from validate.report import document
    from validate.report.addresses import for_paper
    from validate.report.sealed import read_sealed
    from validate.report.study import Study

    shown = Study(read_sealed(folder), "acceptance")
    sections = [one for one in document.declared("acceptance") if one.tasks is None or "classification" in one.tasks]
    whole = document.filled(shown, sections)
    plain = for_paper(whole._framed(whole.bodies, screen=False))
    plain = plain.replace('"page 888 of 888"', '"page " counter(page) " of " counter(pages)')
    plain = re.sub(r'<span class="folio print-only"[^>]*>888</span>', "", plain)
    plain = plain.replace("</style>", ".contents a::after { content: target-counter(attr(href), page) }</style>", 1)
    begin = time.perf_counter()
    pages = _plainly(plain)
    return time.perf_counter() - begin, pages


def _plainly(html: str) -> int:
    import weasyprint
    from weasyprint.layout import inline

    assert not hasattr(inline.get_next_linebox, "ours"), "the peer is WeasyPrint as it comes"
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", type=Path, help="a folder that a run of long_study.py left; made anew where it is not given"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    rows = (
        timed_reports(options.run, options.repeats, apart=False) if options.run else _long(options.repeats, apart=False)
    )
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["report", "seconds", "weasyprint_in_one_piece_seconds", "ratio", "note"])
        for row in rows:
            ratio = row["peer"] / row["ours"]
            writer.writerow([row["name"], f"{row['ours']:.1f}", f"{row['peer']:.1f}", f"{ratio:.1f}", row["note"]])


if __name__ == "__main__":
    main()
