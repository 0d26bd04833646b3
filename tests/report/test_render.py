"""The report as files: PDF and HTML agree with the evidence, hold only what they should, and come out the same twice."""

from __future__ import annotations

import io
import json
import logging
import re
import unicodedata
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pypdf
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

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


@pytest.fixture(scope="module")
def folder(build: Callable[..., Path]) -> Path:
    run = build()
    render(run)
    return run


@pytest.fixture(scope="module")
def pages(folder: Path) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(folder / "report" / "report.pdf").pages]


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


def test_parts_bound_by_one_process_or_several_are_the_same_bytes_and_one_document(
    folder: Path, tmp_path: Path
) -> None:
    render(folder, out=tmp_path, formats=("pdf",), workers=1)
    assert (tmp_path / "report.pdf").read_bytes() == (folder / "report/report.pdf").read_bytes()
    reader = pypdf.PdfReader(tmp_path / "report.pdf", strict=True)
    root = reader.trailer["/Root"]
    structure = root["/StructTreeRoot"]["/ParentTree"]["/Nums"]
    keys = structure[::2]
    assert list(keys) == sorted(set(keys))
    for page in reader.pages:
        assert page["/StructParents"] in keys
    places = root["/Names"]["/Dests"]["/Names"][::2]
    assert list(places) == sorted(places)
    linked = {
        link.get_object()["/Dest"] for page in reader.pages for link in page.get("/Annots", ())
        if "/Dest" in link.get_object()
    }  # fmt: skip
    assert linked and linked <= set(places)
    assert len([item for item in reader.outline if isinstance(item, dict)]) > 20
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="3"' in metadata and "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert len(root["/AF"]) == len(reader.attachments)


def test_one_sealed_value_changes_exactly_its_places_in_the_pdf(build: Callable[..., Path]) -> None:
    texts, values = [], []
    for change in (0.0, 0.1):
        folder = build(seed=7, levels=FEW)
        path = folder / "estimates.json"
        document = json.loads(path.read_text())
        document["estimates"][1]["value"] -= change
        path.write_text(json.dumps(document))
        render(folder, formats=("pdf",))
        sections = json.loads((folder / "report/addresses.json").read_text())["sections"]
        values.append([(v["address"], v["text"]) for s in sections for v in s["values"]])
        texts.append("".join(page.extract_text() for page in pypdf.PdfReader(folder / "report/report.pdf").pages))
    address = "estimates.json#/estimates/1/value"
    differ = {a for (a, was), (b, now) in zip(*values, strict=True) if (a, was) != (b, now)}
    assert differ == {address}
    (old, new) = ({text for a, text in side if a == address} for side in values)
    before, after = texts
    for was in old:
        before = before.replace(was, "#")
    for now in new:
        after = after.replace(now, "#")
    assert before == after


def test_a_long_table_shows_its_first_rows_and_travels_whole(build: Callable[..., Path]) -> None:
    folder = build(levels={"site": tuple(f"site {k}" for k in range(70))})
    render(folder, formats=("pdf", "html"))
    reader = pypdf.PdfReader(folder / "report/report.pdf")
    attached = {name: content[0].decode() for name, content in reader.attachments.items() if name.endswith(".csv")}
    name = next(name for name in attached if name.startswith("differences-"))
    assert attached[name].count("site 69") == 1
    text = " ".join(page.extract_text() for page in reader.pages).replace("\n", " ")
    assert f"more rows stand in the attached table {name}" in text
    printed_values = {
        v["address"]
        for s in json.loads((folder / "report/addresses.json").read_text())["sections"]
        for v in s["values"]
    }
    html = (folder / "report/report.html").read_text()
    assert html.count('class="beyond"') == len(attached)
    assert printed_values < set(re.findall(r'data-address="([^"]*)"', html))


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


def test_equal_evidence_gives_equal_bytes(folder: Path, tmp_path: Path) -> None:
    again = render(folder, out=tmp_path)
    assert {path.name for path in again} >= {"report.pdf", "report.html", "addresses.json"}
    for path in again:
        assert path.read_bytes() == (folder / "report" / path.relative_to(tmp_path)).read_bytes(), path.name


def test_the_html_loads_nothing_from_anywhere(folder: Path) -> None:
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in unescape(html)
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "@import" not in html
    assert "url(" not in html.replace("url(data:", "")


def test_setting_the_pdf_raises_no_warning(build: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        render(build(levels={"sex": ("F", "M")}), formats=("pdf",))
    assert [record.getMessage() for record in caplog.records] == []


def test_nobody_is_called_compliant(folder: Path, pages: list[str]) -> None:
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    assert "compliant" not in html.lower()
    assert "compliant" not in " ".join(pages).lower()


HOSTILE: dict[str, dict[str, object]] = {
    "tiny": {"patients": 3, "positives": 2, "negatives": 2, "silent": 0},
    "only positives": {"positives": 40, "negatives": 0, "patients": 30},
    "only negatives": {"positives": 0, "negatives": 40, "patients": 30},
    "nobody": {"positives": 0, "negatives": 0, "patients": 0, "silent": 0},
    "huge": {"positives": 1_234_567, "negatives": 9_876_543, "patients": 3_000_000},
    "no strata": {"levels": {}},
    "no criteria": {"criteria": False},
    "no operating point": {"operating_point": False},
    "forty strata": {"levels": {f"attribute_{a}": tuple(f"level {k}" for k in range(10)) for a in range(4)}},
    "one level": {"levels": {"manufacturer": ("GE",)}},
    "five models": {
        "models": tuple("abcde"),
        "model_names": tuple(f"Model {m}" for m in "ABCDE"),
        "profile": "comparison",
    },
    "long names": {
        "model_names": ("Extraordinarily" * 9,),
        "question": "Does " + "a very long question " * 12 + "fit?",
        "levels": {
            "manufacturer": ("Gesellschaft für Bildgebende " * 5, "短い名前" * 12, "x" * 120),
            "sex": ("F", "M"),
        },
    },
    "extreme values": {"extreme": True},
    "unlocked": {"exploratory": True},
    "handed in": {"format": "predictions"},
    "comparator": {"kind": "comparator", "sampling": "consecutive", "synthetic": False},
}


def assert_readable(folder: Path) -> None:
    """No value that is none, no empty cell, no empty table."""
    render(folder, formats=("html",))
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    text = re.sub(r"<(style|script)>.*?</\1>|<pre.*?</pre>", "", html, flags=re.DOTALL)
    text = re.sub(r'data-address="[^"]*"|="[^"]*"', "", text)
    found = FORBIDDEN.search(re.sub(r"<[^>]+>", " ", text))
    assert found is None, text[max(0, found.start() - 200) : found.end() + 50]
    assert not re.search(r"<(td|th)[^>]*></\1>", re.sub(r'id="signatures".*?</table>', "", html, flags=re.DOTALL))
    assert "<tbody>\n</tbody>" not in html
    assert not re.search(r"<tbody[^>]*>\s*</tbody>", html)
    for row in html.split("<tr"):
        bound = float("inf") if "slope" in row.lower() else 1.0  # a calibration slope is no index: it may lie beyond 1
        for value, low, high in re.findall(
            r">(\d\.\d{3})</span> \(<span[^>]*>(\d\.\d{3})</span>\W*<span[^>]*>(\d\.\d{3})</span>\)", row
        ):
            assert float(low) <= float(high) <= bound, (
                value,
                low,
                high,
            )  # no index beyond 1, such as 1.000 (0.000–2.000)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_study_prints_what_no_reader_may_see(build: Callable[..., Path], name: str) -> None:
    assert_readable(build(**HOSTILE[name]))


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40).filter(
    lambda text: text.strip() and not FORBIDDEN.search(text)
)
STUDIES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "patients": st.integers(0, 10**6),
        "positives": st.integers(0, 10**6),
        "negatives": st.integers(0, 10**6),
        "silent": st.integers(0, 50),
        "levels": st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=12, unique=True).map(tuple), max_size=4),
        "exploratory": st.booleans(),
        "criteria": st.booleans(),
        "operating_point": st.booleans(),
        "extreme": st.booleans(),
        "kind": st.sampled_from(["reference_standard", "comparator"]),
        "profile": st.sampled_from(["acceptance", "submission", "comparison"]),
        "question": NAMES,
        "models": st.integers(1, 5).map(lambda count: tuple("abcde"[:count])),
        "model_names": st.tuples(NAMES, NAMES, NAMES, NAMES, NAMES),
        "format": st.sampled_from(["onnx", "predictions"]),
        "sampling": st.sampled_from(["enriched", "consecutive"]),
        "synthetic": st.booleans(),
    }
)


@settings(max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate])  # shrinking takes minutes
@given(fields=STUDIES)
def test_no_random_study_prints_it_either(build: Callable[..., Path], fields: dict[str, object]) -> None:
    names = fields["model_names"][: len(fields["models"])]  # type: ignore[index, arg-type]
    assert_readable(build(**{**fields, "model_names": names}))


def test_the_pdf_of_a_hostile_study_has_no_forbidden_word(build: Callable[..., Path]) -> None:
    levels = {
        "manufacturer": ("Gesellschaft für Bildgebende Verfahren " * 3, "GE"),
        "site": tuple(f"site {k}" for k in range(40)),
    }
    folder = build(models=("a", "b"), model_names=("A" * 90, "B"), levels=levels, extreme=True, question=None)
    render(folder, formats=("pdf",))
    reader = pypdf.PdfReader(folder / "report/report.pdf")
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert len(reader.pages) > 15
    body = text[: text.index("The protocol, word for word", text.index("About this report") + 3000)]
    assert not FORBIDDEN.search(body)


def test_markup_in_a_name_is_shown_as_text(build: Callable[..., Path]) -> None:
    evil = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>{{7*7}}</style>"
    folder = build(
        model_names=(evil,),
        models=("../../evil <x>",),
        question=evil,
        levels={"manufacturer": (evil, "GE"), evil: ("a", evil)},
    )
    written = render(folder)
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "{{7*7}}" in html
    assert "</style>" in html and html.count("</style>") == 1
    assert all(path.resolve().is_relative_to(folder.resolve() / "report") for path in written)
    text = squeezed("".join(page.extract_text() for page in pypdf.PdfReader(folder / "report/report.pdf").pages))
    assert squeezed("<script>alert(1)</script>") in text


def test_an_exploratory_run_is_stamped_on_every_page_figure_and_block(build: Callable[..., Path]) -> None:
    folder = build(exploratory=True, levels=FEW)
    render(folder)
    html = (folder / "report/report.html").read_text(encoding="utf-8")
    for figure in re.findall(r"<figure.*?</figure>", html.split('id="section-r00"')[1], flags=re.DOTALL):
        assert "Exploratory" in figure
    for page in pypdf.PdfReader(folder / "report/report.pdf").pages:
        assert "EXPLORATORY" in page.extract_text()
    assert 'class="fail-ink">' in html
    assert "counts as a pass" in html
    assert ">PASS<" not in html
    assert "would be met" in html


def test_outputs_that_were_handed_in_are_called_not_witnessed_on_every_page(build: Callable[..., Path]) -> None:
    folder = build(format="predictions", synthetic=False, levels=FEW)
    render(folder, formats=("pdf",))
    for page in pypdf.PdfReader(folder / "report/report.pdf").pages:
        assert "Inference not witnessed" in page.extract_text()
        assert "Synthetic" not in page.extract_text()


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
        render(folder)


def test_an_unknown_profile_or_format_is_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="got 'glossy', expected one of acceptance, submission, comparison"):
        render(folder, profile="glossy")
    with pytest.raises(CommandError, match="got docx, expected some of pdf, html"):
        render(folder, formats=("docx",))


def test_a_seal_is_not_broken_by_rendering_html_alone(folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()}
    render(folder, formats=("html",))
    assert {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()} == before


def test_the_pdf_opens_from_memory_without_repair(folder: Path) -> None:
    assert pypdf.PdfReader(io.BytesIO((folder / "report/report.pdf").read_bytes()), strict=True).pages
