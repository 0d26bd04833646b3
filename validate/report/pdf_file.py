"""Objects of a PDF → the bytes of its file (ISO 32000-1, 7.5.7 and 7.5.8).

Small objects are compressed by the hundred: a reader that wants one unpacks a hundred, not all. With the whole report in one
stream, as pydyf writes it, some readers take minutes for what they now read in a second.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TOGETHER = 100
HEADER = b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n"


def file_bytes(pdf: Any, identifier: bytes) -> bytes:
    """The file of a pydyf.PDF; equal objects give equal bytes. identifier : of the document, whatever its revision"""
    import pydyf

    if pdf.info:
        pdf.add_object(pdf.info)
    contents = {entry.number: bytes(entry.data) for entry in pdf.objects if entry.free != "f"}
    small = [entry.number for entry in pdf.objects if entry.number in contents and entry.compressible]
    digest = hashlib.md5(b"".join(contents.values()), usedforsecurity=False).hexdigest().encode()
    output = io.BytesIO()
    output.write(HEADER)
    rows: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}  # kind, offset or stream, generation or place in it
    for number in sorted(contents.keys() - set(small)):
        rows[number] = (1, _set_down(number, contents[number], output), 0)
    for first in range(0, len(small), TOGETHER):
        some = small[first : first + TOGETHER]
        stream = _together(some, contents)
        pdf.add_object(stream)
        rows[stream.number] = (1, _set_down(stream.number, bytes(stream.data), output), 0)
        rows |= {number: (2, stream.number, place) for place, number in enumerate(some)}
    start = output.tell()
    number = len(pdf.objects)
    rows[number] = (1, start, 0)
    widths = (1, _width(max(start, number)), 2)
    table = b"".join(_row(rows[key], widths) for key in range(number + 1))
    described = {
        "Type": "/XRef", "W": pydyf.Array(widths), "Size": number + 1, "Root": pdf.catalog.reference,
        "ID": pydyf.Array((pydyf.String(identifier).data, pydyf.String(digest).data)),
    }  # fmt: skip
    if pdf.info:
        described["Info"] = pdf.info.reference
    last = pydyf.Stream([table], described, compress=True)
    _set_down(number, bytes(last.data), output)
    output.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return output.getvalue()


def _set_down(number: int, data: bytes, output: io.BytesIO) -> int:
    at = output.tell()
    output.write(b"%d 0 obj\n" % number + data + b"\nendobj\n")
    return at


def _together(numbers: Sequence[int], contents: Mapping[int, bytes]) -> Any:
    import pydyf

    pieces = [contents[number] for number in numbers]
    head = b" ".join(b"%d %d" % pair for pair in zip(numbers, _places(pieces), strict=True))
    return pydyf.Stream([head, *pieces], {"Type": "/ObjStm", "N": len(pieces), "First": len(head) + 1}, compress=True)


def _places(pieces: Sequence[bytes]) -> Iterator[int]:
    position = 0
    for piece in pieces:
        yield position
        position += len(piece) + 1


def _width(most: int) -> int:
    return (most.bit_length() + 7) // 8


def _row(row: tuple[int, int, int], widths: tuple[int, int, int]) -> bytes:
    return b"".join(value.to_bytes(width, "big") for value, width in zip(row, widths, strict=True))
