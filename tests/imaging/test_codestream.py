"""What a compressed frame says of itself, without decoding it."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import generate_frames

from validate.imaging.codestream import is_whole, size

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"
COMPRESSED = [
    "JPGExtended.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "JPEGLSNearLossless_16.dcm",
    "693_J2KI.dcm",
    "examples_jpeg2k.dcm",
]


@pytest.mark.parametrize("name", COMPRESSED)
def test_the_size_in_the_stream_is_that_of_the_header(name):
    dataset = pydicom.dcmread(SHIPPED / name)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    assert size(frame) == (dataset.Rows, dataset.Columns)
    assert is_whole(frame)
    assert not is_whole(frame[: len(frame) * 2 // 3])


@pytest.mark.parametrize(
    "frame", [b"", b"\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\xc4\x00\x00", b"\xffO\xffQ", b"\0" * 64]
)
def test_what_says_nothing_of_its_size_is_none(frame):
    assert size(frame) is None


def test_an_empty_frame_is_not_whole():
    assert not is_whole(b"")
