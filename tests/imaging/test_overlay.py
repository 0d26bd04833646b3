"""Overlay planes come out as pydicom gives them, and as they were drawn; what is none is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from encodings_of_dicom import NATIVE, dicom_file

from validate.imaging.failure import DecodeFailure
from validate.imaging.overlay import read_overlays
from validate.imaging.reader_warnings import silence_readers

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"
DRAWN = np.random.default_rng(3).random((3, 17, 23)) < 0.4


def with_plane(tmp_path: Path, *, name: str = "explicit little endian", data: bytes | None = None, **changes) -> Path:
    dataset = dicom_file(np.zeros((17, 23), np.uint16), NATIVE[name], bits=12)
    values = {
        "rows": 17, "columns": 23, "frames": "3", "kind": "G", "origin": [1, -4],
        "data": np.packbits(DRAWN, bitorder="little").tobytes() if data is None else data,
    } | changes  # fmt: skip
    content = values["data"] + b"\0" * (len(values["data"]) % 2)
    if name == "explicit big endian":
        content = np.frombuffer(content, "<u2").astype(">u2").tobytes()
    dataset.add_new((0x6002, 0x0010), "US", values["rows"])
    dataset.add_new((0x6002, 0x0011), "US", values["columns"])
    dataset.add_new((0x6002, 0x0015), "IS", values["frames"])
    dataset.add_new((0x6002, 0x0040), "CS", values["kind"])
    dataset.add_new((0x6002, 0x0050), "SS", values["origin"])
    dataset.add_new((0x6002, 0x3000), "OW", content)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    return tmp_path / "a.dcm"


@pytest.mark.parametrize("name", NATIVE)
def test_a_plane_comes_out_as_it_was_drawn(tmp_path: Path, name: str) -> None:
    (found,) = read_overlays(with_plane(tmp_path, name=name))
    np.testing.assert_array_equal(found.drawn, DRAWN)
    assert (found.group, found.kind, found.origin, found.first) == (0x6002, "graphics", (1, -4), 1)


def test_shipped_planes_are_those_of_pydicom() -> None:
    silence_readers()
    read = 0
    for path in sorted(SHIPPED.rglob("*.dcm")):
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        groups = [group for group in range(0x6000, 0x6020, 2) if (group, 0x3000) in dataset]
        if not groups or (groups[0], 0x0010) not in dataset:
            continue
        for group, found in zip(groups, read_overlays(path), strict=True):
            np.testing.assert_array_equal(found.drawn.squeeze(), pydicom.dcmread(path).overlay_array(group))
            read += 1
    assert read > 0


def test_a_plane_in_the_unused_bits_of_the_pixels_is_read(tmp_path: Path) -> None:
    drawn = DRAWN[0]
    dataset = dicom_file((drawn.astype(np.uint16) << 13) | np.uint16(77), NATIVE["explicit little endian"], bits=16)
    dataset.BitsStored, dataset.HighBit = 12, 11
    for element, value in ((0x0010, 17), (0x0011, 23), (0x0100, 16), (0x0102, 13)):
        dataset.add_new((0x6000, element), "US", value)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    (found,) = read_overlays(tmp_path / "a.dcm")
    np.testing.assert_array_equal(found.drawn[0], drawn)


@pytest.mark.parametrize("changes", [{"data": b"\1" * 8}, {"rows": 0}, {"rows": 65535, "frames": "2147483647"}])
def test_what_is_no_plane_is_refused(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(DecodeFailure, match="decode:overlay"):
        read_overlays(with_plane(tmp_path, **changes))


def test_a_file_without_planes_has_none(tmp_path: Path) -> None:
    dicom_file(np.zeros((4, 4), np.uint16), NATIVE["explicit little endian"], bits=12).save_as(tmp_path / "a.dcm")
    assert read_overlays(tmp_path / "a.dcm") == ()
