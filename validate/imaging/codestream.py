"""What the header of a compressed frame says of itself: its size, and whether its end is there. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterator

START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # JPEG T.81 table B.1, and JPEG-LS T.87
JPEG_START, J2K_START, J2K_SIZE = b"\xff\xd8", b"\xff\x4f", b"\xff\x51"
END = b"\xff\xd9"  # JPEG, JPEG-LS and JPEG 2000 all end in it
JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
PADDING = 64  # bytes that some writers leave after the end


def size(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 code stream announces; None where that can't be told."""
    if frame[:8] == JP2_SIGNATURE:
        start = frame.find(J2K_START + J2K_SIZE)
        frame = frame[start:] if start >= 0 else b""
    if frame[:4] == J2K_START + J2K_SIZE and len(frame) >= 24:
        x1, y1, x0, y0 = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
        return y1 - y0, x1 - x0
    if frame[:2] != JPEG_START:
        return None
    for marker, content in _segments(frame):
        if marker in START_OF_FRAME:
            return int.from_bytes(frame[content + 1 : content + 3], "big"), int.from_bytes(
                frame[content + 3 : content + 5], "big"
            )
    return None


def components(frame: bytes) -> int | None:
    """How many components a JPEG 2000 code stream announces (T.800 A.5.1); 0 where its header contradicts itself; None of another."""
    start = frame.find(J2K_START + J2K_SIZE) if frame[:8] == JP2_SIGNATURE else 0
    if start < 0 or frame[start : start + 4] != J2K_START + J2K_SIZE:
        return None
    length, count = (int.from_bytes(frame[start + at : start + at + 2], "big") for at in (4, 40))
    left, top, wide, high, tile_left, tile_top = (
        int.from_bytes(frame[start + at : start + at + 4], "big") for at in (16, 20, 24, 28, 32, 36)
    )
    tiled = tile_left <= left < tile_left + wide and tile_top <= top < tile_top + high
    return count if length == 38 + 3 * count and tiled else 0


def is_whole(frame: bytes) -> bool:
    """Whether the end-of-image marker closes the frame, up to some padding."""
    return frame.rfind(END, max(len(frame.rstrip(b"\0")) - PADDING, 0)) >= 0


def _segments(frame: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where its content starts) of each segment before the first scan."""
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        yield marker, at + 4
        if marker == 0xDA:
            return
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
