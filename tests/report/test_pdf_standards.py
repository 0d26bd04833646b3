"""What ISO 19005-3 (PDF/A-3) and ISO 14289-1 (PDF/UA) ask of a file, so far as it can be read from its structure.

test_conformance.py asks veraPDF the same; these run everywhere and say what is wrong.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdf
import pytest

MARKED = re.compile(rb"\b(?:BDC|BMC|EMC|TJ|Tj)\b|/\w+ Do\b")
LEVEL = re.compile(r"/H([1-6])")
PRINTED, HIDDEN = 4, 2  # flags of annotations


@pytest.fixture(scope="module")
def content(folder: Path) -> bytes:
    return (folder / "report/report.pdf").read_bytes()


@pytest.fixture(scope="module")
def reader(folder: Path) -> pypdf.PdfReader:
    return pypdf.PdfReader(folder / "report/report.pdf", strict=True)


@pytest.fixture(scope="module")
def root(reader: pypdf.PdfReader) -> Any:
    return reader.trailer["/Root"]


@pytest.fixture(scope="module")
def elements(root: Any) -> list[tuple[int, Any]]:
    """Every element of the structure with its depth, in reading order."""
    return list(_elements(root["/StructTreeRoot"], 0))


def _elements(node: Any, depth: int) -> Iterator[tuple[int, Any]]:
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        found = kid.get_object()
        if isinstance(found, dict) and "/S" in found:
            yield depth, found
            yield from _elements(found, depth + 1)


def test_the_file_is_whole_and_every_object_lies_where_its_table_says(content: bytes, reader: pypdf.PdfReader) -> None:
    assert content.startswith(b"%PDF-1.7\n%") and all(byte > 127 for byte in content[10:14])
    assert content.rstrip().endswith(b"%%EOF")
    size = reader.trailer["/Size"]
    assert set(reader.xref[0]) | set(reader.xref_objStm) | {0} == set(range(size))
    for number in range(1, size):
        pypdf.generic.IndirectObject(number, 0, reader).get_object()
    assert len(reader.trailer["/ID"]) == 2
    assert "/Encrypt" not in reader.trailer


def test_a_second_reader_finds_the_same_pages_quickly(content: bytes, reader: pypdf.PdfReader) -> None:
    from validate.evidence.pdf_text import pages_of

    assert len(pages_of(content)) == len(reader.pages)
    streams = {place for place, _ in reader.xref_objStm.values()}
    assert max(pypdf.generic.IndirectObject(one, 0, reader).get_object()["/N"] for one in streams) <= 100


def test_the_metadata_name_both_standards_and_agree_with_the_information(root: Any, reader: pypdf.PdfReader) -> None:
    stream = root["/Metadata"].get_object()
    words = stream.get_data().decode()
    assert 'pdfaid:part="3"' in words and 'pdfaid:conformance="A"' in words
    assert "<pdfuaid:part>1</pdfuaid:part>" in words and "pdfaExtension:schemas" in words
    assert stream["/Type"] == "/Metadata" and stream["/Subtype"] == "/XML"
    about = reader.metadata
    assert about is not None and about.title and about.title in words.replace("&amp;", "&")
    assert about["/Producer"] in words and about["/Creator"] in words
    assert re.sub(r"\D", "", about["/CreationDate"])[:14] in re.sub(r"[-:T]", "", words)


def test_colours_have_their_profile(root: Any) -> None:
    (intent,) = root["/OutputIntents"]
    assert intent["/S"] == "/GTS_PDFA1"
    assert intent["/DestOutputProfile"].get_object()["/N"] == 3
    assert intent["/OutputConditionIdentifier"]


def test_every_font_is_embedded_and_says_what_its_glyphs_mean(reader: pypdf.PdfReader) -> None:
    fonts = {}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            fonts[font.get_object()["/BaseFont"]] = font.get_object()
    assert len(fonts) > 3
    for name, font in fonts.items():
        assert re.fullmatch(r"/[A-Z]{6}\+.+", name), name  # a subset, marked as one
        assert "/ToUnicode" in font, name
        within = [one.get_object() for one in font.get("/DescendantFonts", [font])]
        for one in within:
            descriptor = one["/FontDescriptor"].get_object()
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), name


def test_nothing_runs_and_nothing_is_fetched(content: bytes, reader: pypdf.PdfReader) -> None:
    forbidden = {"/JavaScript", "/Launch", "/Movie", "/Sound", "/SubmitForm", "/ImportData", "/URI"}
    assert "/OpenAction" not in reader.trailer["/Root"] and "/AA" not in reader.trailer["/Root"]
    assert b"/LZWDecode" not in content
    for page in reader.pages:
        for note in (note.get_object() for note in page.get("/Annots", ())):
            assert note.get("/A", {}).get("/S") not in forbidden
            assert note["/F"] & PRINTED and not note["/F"] & HIDDEN


def test_attachments_say_what_they_are_and_what_they_are_to_the_report(root: Any, reader: pypdf.PdfReader) -> None:
    files = [one.get_object() for one in root["/AF"]]
    assert {one["/UF"] for one in files} == set(reader.attachments) >= {"estimates.json", "model_card.xml"}
    for one in files:
        assert one["/AFRelationship"] in {"/Data", "/Source", "/Supplement"}
        assert one["/F"] == one["/UF"] and one["/Desc"]
        stream = one["/EF"]["/F"].get_object()
        assert stream["/Subtype"] in {"/application/json", "/application/yaml", "/text/xml", "/text/csv"}
        assert {"/ModDate", "/Size", "/CheckSum"} <= set(stream["/Params"])
        assert len(stream.get_data()) == stream["/Params"]["/Size"]


def test_the_document_is_tagged_has_a_language_and_shows_its_title(root: Any, reader: pypdf.PdfReader) -> None:
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    keys = root["/StructTreeRoot"]["/ParentTree"]["/Nums"][::2]
    assert list(keys) == sorted(set(keys))
    for page in reader.pages:
        assert page["/StructParents"] in keys
        assert page["/Tabs"] == "/S"


def test_links_lead_to_places_that_are_there_and_bookmarks_to_sections(root: Any, reader: pypdf.PdfReader) -> None:
    places = root["/Names"]["/Dests"]["/Names"][::2]
    assert list(places) == sorted(places)
    notes = [note.get_object() for page in reader.pages for note in page.get("/Annots", ())]
    linked = {note["/Dest"] for note in notes if "/Dest" in note}
    assert linked and linked <= set(places)
    assert all(note.get("/Contents") for note in notes)
    keys = root["/StructTreeRoot"]["/ParentTree"]["/Nums"]
    elements = dict(zip(keys[::2], keys[1::2], strict=True))
    assert {elements[note["/StructParent"]].get_object()["/S"] for note in notes} == {"/Link"}
    assert len([item for item in reader.outline if isinstance(item, dict)]) > 20


def test_every_figure_has_words_in_its_place(elements: list[tuple[int, Any]]) -> None:
    figures = [one for _, one in elements if one["/S"] == "/Figure"]
    assert len(figures) > 10
    assert all(len(str(one.get("/Alt", ""))) > 3 for one in figures)


def test_headings_skip_no_level_and_heads_of_tables_say_what_they_head(elements: list[tuple[int, Any]]) -> None:
    levels = [int(found[1]) for _, one in elements if (found := LEVEL.fullmatch(one["/S"]))]
    assert levels[0] == 1 and len(levels) > 20
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    heads = [one for _, one in elements if one["/S"] == "/TH"]
    assert len(heads) > 50
    for head in heads:
        attributes = head["/A"].get_object()
        several = attributes if isinstance(attributes, list) else [attributes]
        assert any(one.get_object().get("/Scope") in {"/Row", "/Column", "/Both"} for one in several)


def test_all_that_is_set_is_tagged_or_said_to_be_decoration(reader: pypdf.PdfReader) -> None:
    for number, page in enumerate(reader.pages, 1):
        depth = 0
        for found in MARKED.finditer(page.get_contents().get_data()):
            operator = found.group().split()[-1]
            depth += {b"BDC": 1, b"BMC": 1, b"EMC": -1}.get(operator, 0)
            assert depth > 0 or operator == b"EMC", (number, found.group())
