"""The report as files: PDF and HTML agree with the evidence, hold only what they should, and come out the same twice."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pypdf
import pytest

from validate.errors import CommandError, EvidenceError, ExitCode, MissingLibrary
from validate.report.render import render

FEW = {"sex": ("F", "M")}
FORBIDDEN = re.compile(r"\b(NaN|nan|None|inf|Infinity|null|Undefined)\b")


def squeezed(text: str) -> str:
    """Text without white space and ligatures, as line breaks and extraction leave it different."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def body(page: str) -> str:
    """A page without its running head and foot, which stand at the end of what is extracted."""
    return re.sub(r"\n[^\n]* · [^\n]*CXR-OPACITY-ACCEPTANCE 1\.0\.0[^\n]*\n[^\n]*page \d+ of \d+\s*$", "\n", page)


def test_every_number_of_the_address_file_stands_on_its_pages_of_the_pdf(folder: Path, pages: list[str]) -> None:
    sections = json.loads((folder / "report/addresses.json").read_text())["sections"]
    assert sum(len(s["values"]) for s in sections) > 500
    for section in sections:
        first, last = section["pages"]
        text = squeezed("".join(map(body, pages[first - 1 : last]))).lower()
        for value in section["values"]:
            assert squeezed(value["text"])[:60].lower() in text, (section["id"], value)


def test_the_pdf_says_on_every_page_what_it_is(pages: list[str]) -> None:
    for number, text in enumerate(pages, start=1):
        assert f"page {number} of {len(pages)}" in text
        assert "Synthetic phantom data: not evidence about patients" in text
        assert "CXR-OPACITY-ACCEPTANCE 1.0.0" in text
        assert "EXPLORATORY" not in text


def test_the_pdf_carries_evidence_bookmarks_tags_and_no_clock(folder: Path) -> None:
    reader = pypdf.PdfReader(folder / "report/report.pdf")
    assert set(reader.attachments) >= {"estimates.json", "protocol.yaml", "manifest.json", "model_card.xml"}
    assert reader.attachments["estimates.json"][0] == (folder / "estimates.json").read_bytes()
    assert any("Primary endpoints" in str(item.get("/Title")) for item in reader.outline if isinstance(item, dict))
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.metadata is not None and reader.metadata["/CreationDate"].startswith("D:20260304")


def test_setting_the_report_raises_no_warning(folder: Path, heard: list[str]) -> None:
    assert (folder / "report/report.pdf").is_file()
    assert heard == []


def test_equal_evidence_gives_equal_bytes_by_one_process_or_several(folder: Path, tmp_path: Path) -> None:
    again = render(folder, out=tmp_path, workers=1)
    assert {path.name for path in again} >= {"report.pdf", "report.html", "addresses.json", "printed.json"}
    for path in again:
        assert path.read_bytes() == (folder / "report" / path.relative_to(tmp_path)).read_bytes(), path.name


def test_methods_stand_at_the_foot_of_the_page_that_needs_them(pages: list[str]) -> None:
    page = next(text for text in pages if "Every endpoint, over all cases" in text)
    assert "Obuchowski 1997" in page.replace("\n", " ")


def test_every_table_is_there_as_data_with_the_sealed_values(folder: Path) -> None:
    import csv

    import pyarrow.parquet as pq

    tables = folder / "report/tables"
    names = {path.stem for path in tables.glob("*.csv")}
    assert {"endpoints", "verdict-criteria", "population"} <= names
    for name in names:
        rows = list(csv.reader((tables / f"{name}.csv").read_text(encoding="utf-8").splitlines()))
        found = pq.read_table(tables / f"{name}.parquet")
        assert found.column_names == rows[0]
        assert found.num_rows == len(rows) - 1
    estimates = json.loads((folder / "estimates.json").read_text())["estimates"]
    seen = 0
    for cell in pq.read_table(tables / "cells.parquet").to_pylist():
        for address, value in zip(cell["addresses"], cell["values"], strict=True):
            if address.startswith("estimates.json#/estimates/") and address.endswith("/value"):
                assert value == estimates[int(address.split("/")[2])]["value"]
                seen += 1
    assert seen > 50


def test_the_html_loads_nothing_from_anywhere(folder: Path) -> None:
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in unescape(html)
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "@import" not in html
    assert "url(" not in html.replace("url(data:", "")


def test_nobody_is_called_compliant(folder: Path, pages: list[str]) -> None:
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    assert "compliant" not in html.lower()
    assert "compliant" not in " ".join(pages).lower()


def test_an_exploratory_run_is_stamped_on_every_page_figure_and_block(build: Callable[..., Path]) -> None:
    folder = build(exploratory=True, levels={"sex": ("F", "M")})
    html = render(folder, formats=("html",))[0].read_text(encoding="utf-8")
    for figure in re.findall(r"<figure.*?</figure>", html.split('id="section-r00"')[1], flags=re.DOTALL):
        assert "Exploratory" in figure
    assert 'data-running-exploratory="EXPLORATORY' in html
    assert 'class="fail-ink">' in html
    assert "counts as a pass" in html
    assert ">PASS<" not in html
    assert "would be met" in html


def test_against_a_comparator_agreement_is_reported_and_not_accuracy(build: Callable[..., Path]) -> None:
    folder = build(kind="comparator")
    html = render(folder, formats=("html",))[0].read_text(encoding="utf-8")
    assert "Positive percent agreement" in html
    assert ">Sensitivity<" not in html


def test_predictive_values_under_enrichment_are_flagged(folder: Path) -> None:
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    assert re.search(r"</span>\) †", html)
    assert "holds only at the share of positive" in html.replace("\n", " ") or "† holds only" in html


def test_a_missing_section_says_what_is_missing_and_who_supplies_it(folder: Path) -> None:
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    absent = html.split('id="section-absent"')[1]
    for name in ("R04", "R16", "R17", "R20", "R25", "A1", "A7"):
        assert f'<th scope="row">{name}</th>' in absent


def test_without_pango_the_html_is_written_and_the_package_is_named(
    build: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *args, **options)  # type: ignore[arg-type]

    folder = build()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingLibrary, match=r"libpangoft2-1\.0-0") as caught:
        render(folder, workers=1)
    assert caught.value.exit_code == ExitCode.MACHINE
    assert (folder / "report/report.html").is_file()


def test_a_run_folder_that_is_not_whole_is_refused_by_name(build: Callable[..., Path]) -> None:
    folder = build()
    (folder / "verdict.json").unlink()
    with pytest.raises(EvidenceError, match=r"verdict\.json: missing"):
        render(folder, formats=("html",))


def test_a_section_that_other_tasks_have_is_listed_as_that(folder: Path) -> None:
    from validate.report.document import filled
    from validate.report.render import _study
    from validate.report.sections.calibration import SECTION as CALIBRATION
    from validate.report.sections.title_page import SECTION as TITLE

    html = filled(_study(folder, None, None), [TITLE], elsewhere=[CALIBRATION]).on_screen()
    assert "R15" in html.split('id="section-absent"')[1]
    assert "not asked of this kind of study" in html
    assert 'href="#section-absent"' in html


def test_an_unknown_profile_or_format_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="got 'glossy', expected one of acceptance, submission, comparison"):
        render(folder, profile="glossy", formats=("html",))
    with pytest.raises(CommandError, match="got docx, expected some of pdf, html"):
        render(folder, formats=("docx",))


def test_a_seal_is_not_broken_by_rendering_html_alone(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()}
    render(folder, formats=("html",))
    assert {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()} == before
