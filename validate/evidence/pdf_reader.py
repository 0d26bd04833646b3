"""pyHanko's reader, which takes each object stream of a PDF apart once (ISO 32000-1, 7.5.7) and not once for each object in it.

A report of a hundred pages has thousands of objects in a few streams; looking every one up from the front took most of a verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from validate.errors import MissingLibrary


@dataclass(frozen=True, slots=True)
class _Opened:
    """places : where each object begins in `content`, by its number"""

    content: bytes
    places: dict[int, int]


def opened_pdf(content: bytes) -> Any:
    """A reader of this PDF, forgiving. Raises MissingLibrary, and pyHanko's errors for what is no PDF."""
    try:
        from pyhanko.pdf_utils import generic
        from pyhanko.pdf_utils.reader import PdfFileReader
    except ImportError as error:
        raise MissingLibrary("pyHanko", "Reading numbers back from the PDF", "pip install pyhanko") from error

    class Reader(PdfFileReader):
        """Asks for an object of a stream by the stream's own index."""

        def __init__(self, stream: BytesIO) -> None:
            self.opened_streams: dict[int, _Opened] = {}
            super().__init__(stream, strict=False)

        def _get_object_from_stream(self, idnum: int, stmnum: int, _: int) -> Any:
            if stmnum not in self.opened_streams:
                self.opened_streams[stmnum] = _opened(generic.Reference(stmnum, 0, self).get_object())
            opened = self.opened_streams[stmnum]
            if idnum not in opened.places:
                return generic.NullObject()
            place = BytesIO(opened.content)
            place.seek(opened.places[idnum])
            return generic.read_object(place, generic.Reference(idnum, 0, self))

    return Reader(BytesIO(content))


def _opened(stream: Any) -> _Opened:
    if stream["/Type"] != "/ObjStm":
        raise ValueError("an object stream is of another type")
    content, first, count = stream.data, int(stream["/First"]), int(stream["/N"])
    numbers = [int(one) for one in content[:first].split()]
    if first < 0 or len(numbers) < 2 * count:
        raise ValueError("the index of an object stream is broken")
    return _Opened(content, {numbers[2 * at]: first + numbers[2 * at + 1] for at in range(count)})
