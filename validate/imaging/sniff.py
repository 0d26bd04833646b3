"""Is this a DICOM file? Decided by content: names lie, and files without a preamble exist."""

from __future__ import annotations

HEAD = 132 + 16  # bytes that decide
FIRST_GROUPS = {b"\x02\x00", b"\x08\x00"}  # file meta, or identifying information, little endian
BIG_ENDIAN_FIRST = b"\x00\x08"
VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


def is_dicom(head: bytes) -> bool:
    """Whether these first bytes (148 are enough) begin a DICOM file (PS3.10 7.1), with or without its preamble."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8:
        return False
    if head[:2] in FIRST_GROUPS:
        element = int.from_bytes(head[2:4], "little")
        explicit = head[4:6] in VALUE_REPRESENTATIONS
        length = int.from_bytes(head[4:8], "little")
        return element < 0x1200 and (explicit or (length < 256 and length % 2 == 0))
    return head[:2] == BIG_ENDIAN_FIRST and head[4:6] in VALUE_REPRESENTATIONS
