"""Decoders of one compressed frame, the fastest of those that give the reference's values, by transfer syntax.

The reference is pydicom; tests/benchmarks/bench_decode.py times every decoder side by side and holds their values against it.
For every compressed syntax imagecodecs was fastest: libjpeg-turbo for JPEG, CharLS for JPEG-LS, OpenJPEG for JPEG 2000 and HTJ2K,
PackBits for RLE. OpenJPH decodes HTJ2K in two thirds of the time, and ends the process on some damaged files. Lossy JPEG (PS3.5
8.2.1) leaves a decoder its rounding: here values are those of the slow integer transform of the IJG, as of pydicom with Pillow,
GDCM, DCMTK and dicomsdl; pylibjpeg, with another transform, differs by a grey level.
What a decoder here refuses, or gives in another shape than the header says, pydicom decodes: see `stored`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import convert_color_space

from validate.imaging import reference_decoder
from validate.imaging.codestream import components
from validate.imaging.stored_bits import only_stored_bits

NAME = "imagecodecs"
NATIVE = "numpy"  # pixels that are not compressed, taken as they lie
RLE = "1.2.840.10008.1.2.5"
SMALL = 1 << 17  # points of a frame that one thread decodes sooner than several
THREADS = min(os.cpu_count() or 1, 4)  # of OpenJPEG, for one frame; the values are the same with any number
Frame = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the header says of each frame.

    allocated : bits of a sample as stored      photometric : interpretation in the code stream
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    photometric: str

    @property
    def array(self) -> tuple[int, ...]:
        """(y, x), or (y, x, sample)."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)


def decoded(frame: bytes, syntax: str, shape: Shape) -> Frame | None:
    """(y, x), or (y, x, 3) as RGB; None where another decoder must do it.

    Values of one sample are as in the code stream: see `one_sample` for their sign.
    """
    codec = CODECS.get(syntax)
    if codec is None or shape.allocated not in {8, 16}:
        return None
    if shape.samples == 3 and (shape.allocated != 8 or shape.photometric not in COLOUR.get(syntax, ())):
        return None
    # A code stream whose header contradicts itself is nobody's picture: it kept a decoder busy without end.
    if shape.samples not in {1, 3} or components(frame) not in {None, shape.samples}:
        return None
    values = codec(frame, shape)
    if (
        values is None
        or values.shape != shape.array
        or values.dtype.kind not in "iu"
        or values.dtype.itemsize * 8 > shape.allocated
    ):
        return None
    if shape.photometric in {"YBR_FULL", "YBR_FULL_422"} and shape.samples == 3:
        return np.asarray(convert_color_space(values, "YBR_FULL", "RGB"))
    return values


def one_sample(frame: bytes, syntax: str, shape: Shape, *, signed: bool, bits: int) -> Frame | None:
    """(y, x) in words as wide and of the sign that the header says; None where another decoder must do it.

    bits : stored. The words of RLE are as they were, with their unused bits.
    """
    values = decoded(frame, syntax, shape)
    if values is None or (values.dtype.kind == "i" and not signed):
        return None  # the code stream says signed and the header does not
    wide = values.astype(f"{values.dtype.kind}{shape.allocated // 8}", copy=False)
    if values.dtype.kind == "i" or not signed:
        return wide
    words = wide.view(f"i{wide.dtype.itemsize}")
    return words if syntax == RLE else only_stored_bits(words, bits, bits - 1, signed=True)


def _rle(frame: bytes, shape: Shape) -> Frame | None:
    """Segments are bytes of a sample, the highest first (PS3.5 annex G): each unpacked by itself, and shifted into its place.

    None where one is not just as it should be. imagecodecs' own decoder of such frames takes twice as long, and reads wherever a
    damaged header points to, which ends the process.
    """
    import imagecodecs

    width, points = shape.allocated // 8, shape.rows * shape.columns
    if shape.samples != 1 or len(frame) < 64:
        return None
    header = np.frombuffer(frame, "<u4", 16)
    starts = [*(int(start) for start in header[1 : width + 1]), len(frame)]
    if header[0] != width or starts[0] != 64 or any(b <= a for a, b in pairwise(starts)):
        return None
    words: Frame | None = None
    segment = np.empty(points, np.uint8)
    for start, stop in pairwise(starts):
        try:
            if len(imagecodecs.packbits_decode(frame[start:stop], out=segment.data)) != points:
                return None
        except RuntimeError:
            return None
        if words is None:
            words = segment.astype(np.dtype(f"u{width}"), copy=False)
        else:
            words <<= 8
            words |= segment
    return None if words is None else words.reshape(shape.array)


def _jpeg(frame: bytes, shape: Shape) -> Frame:
    import imagecodecs

    if shape.samples == 3:
        return np.asarray(imagecodecs.jpeg8_decode(frame, outcolorspace="YCBCR"))
    return np.asarray(imagecodecs.jpeg8_decode(frame))


def _jpeg_ls(frame: bytes, _shape: Shape) -> Frame:
    import imagecodecs

    return np.asarray(imagecodecs.jpegls_decode(frame))


def _threads(shape: Shape) -> int:
    """Of OpenJPEG for one frame: a pool of decoding threads or processes has the cores already, and small frames gain nothing."""
    pooled = reference_decoder.HAS_A_PROCESS or threading.current_thread() is not threading.main_thread()
    return 1 if pooled or shape.rows * shape.columns < SMALL else THREADS


def _jpeg_2000(frame: bytes, shape: Shape) -> Frame:
    import imagecodecs

    return np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=_threads(shape)))


CODECS: dict[str, Callable[[bytes, Shape], Frame | None]] = {
    RLE: _rle,
    "1.2.840.10008.1.2.4.50": _jpeg,
    "1.2.840.10008.1.2.4.51": _jpeg,
    "1.2.840.10008.1.2.4.57": _jpeg,
    "1.2.840.10008.1.2.4.70": _jpeg,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.81": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg_2000,
    "1.2.840.10008.1.2.4.91": _jpeg_2000,
    "1.2.840.10008.1.2.4.201": _jpeg_2000,
    "1.2.840.10008.1.2.4.202": _jpeg_2000,
    "1.2.840.10008.1.2.4.203": _jpeg_2000,
}
# Colour that was found equal to the reference; any other is left to it.
COLOUR = {
    "1.2.840.10008.1.2.4.50": {"YBR_FULL_422", "YBR_FULL"},
    "1.2.840.10008.1.2.4.90": {"RGB", "YBR_RCT"},
    "1.2.840.10008.1.2.4.91": {"RGB", "YBR_RCT", "YBR_ICT"},
    "1.2.840.10008.1.2.4.201": {"RGB", "YBR_RCT"},
    "1.2.840.10008.1.2.4.202": {"RGB", "YBR_RCT"},
    "1.2.840.10008.1.2.4.203": {"RGB", "YBR_RCT", "YBR_ICT"},
}
