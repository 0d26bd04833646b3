"""A stream that gives no more than so many bytes: a header may claim to be as long as the file, and a file to be endless."""

from __future__ import annotations

import io
from typing import BinaryIO

from validate.imaging.failure import DecodeFailure


class BoundedFile(io.RawIOBase):
    """Reads another stream, which stays open, and raises DecodeFailure (decode:too_large) past `most` bytes.

    Reading "all the rest" is refused as well (decode:corrupt): nothing that reads a header does so, except for what
    inflates it without a bound.
    """

    def __init__(self, stream: BinaryIO, *, most: int) -> None:
        super().__init__()
        self._stream, self._most, self._read = stream, most, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise DecodeFailure("decode:corrupt", "The header announces a compression that it can't have.")
        content = self._stream.read(min(size, self._most - self._read + 1))
        self._read += max(len(content), 8)
        if self._read > self._most:
            raise DecodeFailure("decode:too_large", f"The header is longer than {self._most:,} bytes.")
        return content
