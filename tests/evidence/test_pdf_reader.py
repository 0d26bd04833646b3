"""Objects of a PDF's streams are those that pyHanko finds by itself, whatever is broken in them."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import pytest
from pyhanko.pdf_utils.generic import NullObject, Reference
from pyhanko.pdf_utils.reader import PdfFileReader

from validate.errors import EvidenceError
from validate.evidence.pdf_reader import opened_pdf
from validate.evidence.pdf_text import pages_of

REPORT = Path(__file__).parents[2] / "reports" / "examples" / "cxr-opacity-table.pdf"


def test_each_object_is_the_one_that_pyhanko_finds() -> None:
    content = REPORT.read_bytes()
    ours, plain = opened_pdf(content), PdfFileReader(BytesIO(content), strict=False)
    numbers = [number for number in range(1, int(plain.trailer["/Size"])) if _in_a_stream(plain, number)]
    assert len(numbers) > 100
    for number in numbers[:: len(numbers) // 12]:
        found, expected = (reader.get_object(Reference(number, 0, reader)) for reader in (ours, plain))
        assert found == expected, number


def _in_a_stream(reader: PdfFileReader, number: int) -> bool:
    return not isinstance(reader.xrefs[Reference(number, 0, reader)], int | type(None))


def _pdf(index: bytes, kind: bytes = b"/ObjStm") -> bytes:
    """A file whose catalogue, object 1, lies in object stream 2, found through the cross-reference stream 3."""
    body = zlib.compress(index + b"<</Type/Catalog/Pages 9 0 R>>")
    head = b"%PDF-1.7\n"
    two = b"2 0 obj\n<</Type%b/N 1/First %d/Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream\nendobj\n" % (
        kind, len(index), len(body), body,
    )  # fmt: skip
    at = len(head) + len(two)
    table = bytes([0, 0, 0, 0, 2, 0, 2, 0, 1, 0, len(head), 0, 1, *at.to_bytes(2, "big"), 0])
    three = b"3 0 obj\n<</Type/XRef/Size 4/W[1 2 1]/Root 1 0 R/Length %d>>\nstream\n%b\nendstream\nendobj\n" % (
        len(table), table,
    )  # fmt: skip
    return head + two + three + b"startxref\n%d\n%%%%EOF\n" % at


def test_an_object_that_its_stream_does_not_name_is_null() -> None:
    assert opened_pdf(_pdf(b"1 0 ")).root["/Type"] == "/Catalog"
    reader = opened_pdf(_pdf(b"7 0 "))
    assert reader.get_object(Reference(1, 0, reader)) == NullObject()


@pytest.mark.parametrize("content", [_pdf(b"1 "), _pdf(b"x y "), _pdf(b"1 0 ", b"/Other"), b"", b"%PDF-1.7"])
def test_a_stream_whose_index_is_broken_is_said(content: bytes) -> None:
    with pytest.raises(EvidenceError, match="its text can't be read"):
        pages_of(content)
