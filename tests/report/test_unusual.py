"""The PDF of studies that are not the usual one: stamps, long tables, hostile names, one changed value."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from validate.report.render import render

pytestmark = pytest.mark.slow


def squeezed(text: str) -> str:
    """Text without white space and ligatures, as line breaks and extraction leave it different."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def test_one_sealed_value_changes_exactly_its_places_in_the_pdf(folder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "run"
    shutil.copytree(folder, changed, ignore=shutil.ignore_patterns("report"))
    path = changed / "estimates.json"
    document = json.loads(path.read_text())
    document["estimates"][1]["value"] -= 0.1
    path.write_text(json.dumps(document))
    render(changed, formats=("pdf",))
    texts, values = [], []
    for run in (folder, changed):
        sections = json.loads((run / "report/addresses.json").read_text())["sections"]
        values.append([(v["address"], v["text"]) for s in sections for v in s["values"]])
        texts.append("".join(page.extract_text() for page in pypdf.PdfReader(run / "report/report.pdf").pages))
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
    folder = build(levels={"site": tuple(f"site {k}" for k in range(130))})
    render(folder, formats=("pdf", "html"))
    reader = pypdf.PdfReader(folder / "report/report.pdf")
    attached = {name: content[0].decode() for name, content in reader.attachments.items() if name.endswith(".csv")}
    name = next(name for name in attached if name.startswith("differences-"))
    assert attached[name].count("site 129") == 1
    text = " ".join(page.extract_text() for page in reader.pages).replace("\n", " ")
    assert f"other rows stand in the attached table {name}" in text
    printed_values = {
        v["address"].replace("report/addresses.json#/axes/", "report/axes.json#/axes/")  # the page has its own
        for s in json.loads((folder / "report/addresses.json").read_text())["sections"]
        for v in s["values"]
    }
    html = (folder / "report/report.html").read_text()
    assert html.count('class="beyond"') == len(attached)
    assert printed_values < set(re.findall(r'data-address="([^"]*)"', html))


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


def test_exploratory_runs_and_outputs_that_were_handed_in_are_stamped_on_every_page(build: Callable[..., Path]) -> None:
    folder = build(exploratory=True, format="predictions", synthetic=False, levels={"sex": ("F", "M")})
    render(folder, formats=("pdf",))
    for page in pypdf.PdfReader(folder / "report/report.pdf").pages:
        text = page.extract_text()
        assert "EXPLORATORY" in text
        assert "Inference not witnessed" in text
        assert "Synthetic" not in text
