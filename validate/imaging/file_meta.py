"""File meta, with which a DICOM file begins (PS3.10 7.1): group 2, always explicit little endian."""

from __future__ import annotations

from validate.imaging.element_layout import LENGTH, LONG, META, SHORT

TRANSFER_SYNTAX = 0x00020010
IMPLICIT, BIG = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2"
# Encodings that are explicit little endian: native, and what is compressed (PS3.5 A.4). Others are left to pydicom.
EXPLICIT = (b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.4.", b"1.2.840.10008.1.2.5")
DEFLATED = b"1.2.840.10008.1.2.1.99"


def file_meta(head: bytes, at: int = 132) -> tuple[dict[int, bytes], int] | None:
    """File meta by tag (group 2, always explicit little endian), and where the data set begins. None where it is broken, or
    goes past these first bytes of the file."""
    found: dict[int, bytes] = {}
    end = len(head)
    while at + 12 <= end:
        group, element, kind, length = META(head, at)
        if group != 2:
            return (found, at) if group != 0 else None
        place = at + 8
        if kind in LONG:
            length, place = LENGTH(head, place)[0], place + 4
        elif kind not in SHORT:
            return None
        at = place + length
        if at > end:
            return None
        found[0x20000 | element] = head[place:at]
    return (found, at) if at == end else None


def named_syntax(head: bytes, at: int = 132) -> tuple[bytes | None, bool]:
    """(the transfer syntax that file meta names last, whether these first bytes of the file hold all of file meta).

    Goes over what is broken as pydicom does, for which the last of a repeated element counts.
    """
    end = len(head)
    syntax: bytes | None = None
    while at + 8 <= end:
        group, element, kind, length = META(head, at)
        if group != 2:
            return syntax, True
        place = at + 8
        if kind in LONG:
            if place + 4 > end:
                return syntax, False
            length, place = LENGTH(head, place)[0], place + 4
        elif kind not in SHORT and not b"AA" <= kind <= b"ZZ":
            length = LENGTH(head, at + 4)[0]
        if element == 0x10:
            syntax = head[place : place + length].rstrip(b"\0 ")
        at = place + length
    return syntax, False
