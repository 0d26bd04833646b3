"""Arrays in NumPy's own files: .npy, and .npz with one array in it. Nothing is unpickled, and no geometry is in them.

An array is (y, x), (z, y, x), or (z, y, x, 3) in colour: three axes are always slices, never a picture in colour.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from validate.imaging.volume import DecodeFailure, Volume

MAGIC = b"\x93NUMPY"
LARGEST = 8 << 30  # bytes
# NumPy reads the header of an array as Python.
ERRORS = (
    *(ValueError, OSError, EOFError, KeyError, TypeError, OverflowError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, TokenError),
)


def is_numpy(path: Path, head: bytes) -> bool:
    """By content; an .npz, which is a zip archive like others, by its name too."""
    return head.startswith(MAGIC) or (head.startswith(b"PK\x03\x04") and path.suffix.lower() == ".npz")


def check_numpy(path: Path) -> None:
    """Raise DecodeFailure where the header alone shows that it can't be read."""
    with _opened(path) as stream:
        _header(stream)


def read_numpy(path: Path) -> Volume:
    """The array as it is stored. Raises DecodeFailure: decode:corrupt, truncated, too_large, unsupported_array, not_finite."""
    with _opened(path) as stream:
        shape, dtype, fortran = _header(stream)
        needed = math.prod(shape) * dtype.itemsize
        content = stream.read(needed)
    if len(content) < needed:
        raise DecodeFailure("decode:truncated", f"The array has {len(content):,} bytes, expected {needed:,}.")
    values: NDArray[Any] = np.frombuffer(bytearray(content), dtype).reshape(shape, order="F" if fortran else "C")
    values = np.ascontiguousarray(values, dtype.newbyteorder("="))
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise DecodeFailure("decode:not_finite", "The array holds values that are not numbers.")
    if values.ndim == 2:
        values = values[None]
    ends = float(values.min()), float(values.max())
    if dtype.kind in "iu":
        ends = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    return Volume(values, unit="a.u.", source={"decoder": "numpy", "range": ends})


def _opened(path: Path) -> BinaryIO:
    try:
        if path.suffix.lower() != ".npz":
            return path.open("rb")
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise DecodeFailure("decode:unsupported_array", f"The .npz holds {len(names)} arrays, expected one.")
            if archive.getinfo(names[0]).file_size > LARGEST:
                raise DecodeFailure("decode:too_large", f"The array has more than {LARGEST:,} bytes.")
            with archive.open(names[0]) as member:
                return io.BytesIO(member.read(LARGEST))
    except FileNotFoundError:
        raise DecodeFailure("decode:missing", "The file was there when the cohort was read and is gone now.") from None
    except ERRORS as error:
        raise DecodeFailure("decode:corrupt", f"The file can't be opened ({type(error).__name__}).") from error


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """(shape, type, whether the first axis varies fastest), checked."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = read[version](stream)
    except ERRORS as error:
        raise DecodeFailure("decode:corrupt", f"The array's header can't be read ({type(error).__name__}).") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise DecodeFailure("decode:unsupported_array", f"The array is of type {dtype}, expected plain numbers.")
    if len(shape) not in {2, 3} and not (len(shape) == 4 and shape[-1] == 3):
        wanted = "(y, x), (z, y, x) or (z, y, x, 3)"
        raise DecodeFailure("decode:unsupported_array", f"The array has shape {shape}, expected {wanted}.")
    if min(shape) < 1 or math.prod(shape) * dtype.itemsize > LARGEST:
        raise DecodeFailure("decode:too_large", f"The array has shape {shape}; 1 to {LARGEST:,} bytes are read.")
    return tuple(int(length) for length in shape), dtype, bool(fortran)
