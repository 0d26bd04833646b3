"""The rendered examples say what the program says today: the same words and numbers from the same addresses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pypdf
import pytest
from readable import unreadable

import validate
from validate.report.addresses import placed_values

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "reports/examples"
NUMBERS = ("estimates.json#", "verdict.json#", "findings.json#", "cohort/flow.json#")
PSEUDONYM = re.compile(r"[A-Z]-[A-Z2-7]{16}$")  # by the key of a site, which an example's is not


def values(html: str) -> list[tuple[str, str]]:
    """Address and text of what is printed from a number of the study, in the order of the document."""
    return [
        (address, text)
        for section in placed_values(html)
        for address, text in section.values
        if address.startswith(NUMBERS) and not PSEUDONYM.match(text)
    ]


@pytest.mark.slow
def test_a_study_of_handed_in_outputs_reads_as_its_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "home"))
    gallery = tmp_path / "protocols/gallery"
    gallery.mkdir(parents=True)
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    protocol = (ROOT / "protocols/gallery/cxr-opacity-table.yaml").read_text(encoding="utf-8")
    (gallery / "study.yaml").write_text(protocol.replace("formats: [pdf, html]", "formats: [html]"), encoding="utf-8")
    run = validate.run(gallery / "study.yaml", out=tmp_path / "run")
    now = values((run.folder / "report/report.html").read_text(encoding="utf-8"))
    example = values((EXAMPLES / "cxr-opacity-table.html").read_text(encoding="utf-8"))
    assert len(now) > 300
    assert now == example, "run: make examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.pdf")), ids=lambda path: path.stem)
def test_no_example_prints_what_no_reader_may_see(path: Path) -> None:
    estimates = json.loads(pypdf.PdfReader(path).attachments["estimates.json"][0])["estimates"]
    html = path.with_suffix(".html").read_text(encoding="utf-8")
    assert unreadable(html, [one["unit"] for one in estimates]) == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.pdf")), ids=lambda path: path.stem)
def test_an_example_on_paper_and_on_a_screen_say_the_same_first_words(path: Path) -> None:
    html = path.with_suffix(".html").read_text(encoding="utf-8")
    page = re.sub(r"[\s\u2060]", "", pypdf.PdfReader(path).pages[0].extract_text()).lower()
    first = next(section for section in placed_values(html) if section.id == "section-r02")
    for _, text in first.values:
        assert re.sub(r"[\s\u2060]", "", text)[:40].lower() in page, text
