"""Files whose whole data set is deflated (PS3.5 A.5), inflated within bounds: a few bytes can stand for gigabytes."""

from __future__ import annotations

import zlib

from validate.imaging.failure import DecodeFailure
from validate.imaging.file_meta import DEFLATED, named_syntax

EXPLICIT = b"1.2.840.10008.1.2.1".ljust(len(DEFLATED), b"\0")
META = 132
MOST_DENSE = 16  # bytes from one, up to which memory is set aside at once
META_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"  # (0002,0000), explicit little endian, 4 bytes


def is_deflated(head: bytes) -> bool:
    """Whether file meta names the deflated transfer syntax; `head` must hold the file meta.

    Only the element that says so counts: the same text anywhere else, as in a comment, says nothing.
    """
    return head[128:132] == b"DICM" and named_syntax(head)[0] == DEFLATED


def inflated(content: bytes, *, largest: int) -> bytes:
    """The same file with its data set plain, explicit little endian.

    Raises DecodeFailure when it is damaged (corrupt, truncated) or grows past `largest` bytes (too_large).
    """
    if content[128:132] != b"DICM" or content[META : META + 8] != META_LENGTH:
        raise DecodeFailure("decode:corrupt", "A deflated file must begin with file meta and its length.")
    start = META + 12 + int.from_bytes(content[META + 8 : META + 12], "little")
    plain = _at_once(content[start:], largest)
    if plain is not None:
        return _explicit(content[:start]) + plain
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = stream.decompress(content[start:], largest)
    except zlib.error as error:
        raise DecodeFailure("decode:corrupt", "The deflated part of the file is damaged.") from error
    if stream.unconsumed_tail:
        raise DecodeFailure("decode:too_large", f"The deflated file holds more than {largest:,} bytes.")
    if not stream.eof:
        raise DecodeFailure("decode:truncated", "The file ends in the middle of its deflated part.")
    return _explicit(content[:start]) + plain


def _explicit(meta: bytes) -> bytes:
    return meta.replace(DEFLATED, EXPLICIT)


def _at_once(packed: bytes, largest: int) -> bytes | None:
    """By libdeflate, which takes half the time; None where it can't, or there is more than most images hold in so many bytes."""
    room = min(MOST_DENSE * len(packed) + 4096, largest)
    try:
        import imagecodecs

        return bytes(imagecodecs.deflate_decode(packed, raw=True, out=room))
    except (ImportError, RuntimeError, ValueError, MemoryError):
        return None
