"""How an element of a header is laid out in a file (PS3.5 7.1): what announces it, and how long that is."""

from __future__ import annotations

import struct

UNDEFINED = 0xFFFFFFFF
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # four bytes of length (PS3.5 table 7.1-1)
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
ANNOUNCED = {**dict.fromkeys(LONG, 12), **dict.fromkeys(SHORT, 8)}  # bytes before the value, by representation

Value = tuple[bytes | None, bytes]  # value representation (None where implicit), content

META = struct.Struct("<HH2sH").unpack_from
BIG_EXPLICIT = struct.Struct(">HH2sH").unpack_from
IMPLICIT_ELEMENT = struct.Struct("<HHL").unpack_from
LENGTH = struct.Struct("<L").unpack_from
BIG_LENGTH = struct.Struct(">L").unpack_from
