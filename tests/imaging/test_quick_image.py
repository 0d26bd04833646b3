"""The shortest way to an image gives what the longer way gives, or leaves it to it: of every shipped file, every encoding, any damage."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from encodings_of_dicom import ALL, LOSSLESS, NATIVE, dicom_file

from validate.imaging import quick_image as module
from validate.imaging.dicom import by_the_longer_way, read_image
from validate.imaging.failure import DecodeFailure
from validate.imaging.quick_image import quick_image
from validate.imaging.volume import Volume

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"
ROWS, COLUMNS = np.mgrid[0:48, 0:64]


def same(ours: Volume, theirs: Volume) -> None:
    np.testing.assert_array_equal(ours.voxels, theirs.voxels)
    assert ours.voxels.dtype == theirs.voxels.dtype
    assert ours.voxels.dtype.isnative
    assert ours.voxels.flags.writeable
    assert ours.voxels.flags.c_contiguous
    plain = [dataclasses.replace(one, voxels=np.zeros(1)) for one in (ours, theirs)]
    assert (plain[0].spacing, plain[0].unit, plain[0].affine) == (plain[1].spacing, plain[1].unit, plain[1].affine)
    assert dict(plain[0].source) == dict(plain[1].source)


def held(path: Path) -> bool:
    """Whether the shortest way answered; it must not answer where the longer one fails."""
    ours = quick_image(path)
    if ours is None:
        return False
    same(ours, by_the_longer_way(path))
    same(quick_image(path) or ours, ours)  # what was remembered says the same
    return True


def values(bits: int, kind: str) -> np.ndarray:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind == "i" else (0, (1 << bits) - 1)
    smooth = np.sin(ROWS / 9) * np.cos(COLUMNS / 11) + (ROWS * COLUMNS % 7) / 50
    return np.rint(np.interp(smooth, (smooth.min(), smooth.max()), (low, high))).astype(
        f"{kind}{1 if bits <= 8 else 2}"
    )


def test_every_shipped_file_is_read_alike() -> None:
    paths = [path for path in sorted(SHIPPED.rglob("*.dcm")) if path.stat().st_size < 1 << 20]
    answered = sum(held(path) for path in paths)
    assert answered > 15


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("kind", ["u", "i"])
@pytest.mark.parametrize("name", [*NATIVE, *LOSSLESS, "JPEG-LS near-lossless"])
def test_every_encoding_is_read_alike(tmp_path: Path, name: str, kind: str, bits: int) -> None:
    header: list[dict[str, Any]] = [
        {},
        {"RescaleSlope": "1", "RescaleIntercept": "-1024", "Modality": "CT", "PixelSpacing": [0.5, 0.7]},
        {"RescaleSlope": "2.5", "RescaleIntercept": "0.1", "PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": ["40", "50"], "WindowWidth": ["400", "10"], "PhotometricInterpretation": "MONOCHROME1"},
    ]
    for elements in header:
        path = tmp_path / "image.dcm"
        dicom_file(values(bits, kind), ALL[name], bits=bits, **elements).save_as(path, enforce_file_format=True)
        answered = held(path)
        assert answered or (name == "explicit big endian" and bits == 8), elements


@pytest.mark.parametrize("name", ["explicit little endian", "RLE"])
@pytest.mark.parametrize("kind", ["u", "i"])
def test_values_in_the_middle_of_a_word_are_told_apart(tmp_path: Path, name: str, kind: str) -> None:
    words = ((values(10, "u") << 4) | 0xC00F).astype("u2").view(f"{kind}2")
    path = tmp_path / "image.dcm"
    dicom_file(words, ALL[name], bits=16, BitsStored=10, HighBit=13).save_as(path, enforce_file_format=True)
    assert held(path)
    expected = values(10, "u") if kind == "u" else ((values(10, "u").astype(int) + 512) % 1024 - 512)
    np.testing.assert_array_equal(read_image(path).voxels[0], expected)


@pytest.mark.parametrize("name", ["explicit little endian", "implicit little endian", "RLE", "JPEG-LS", "deflated"])
def test_no_damage_makes_it_answer_otherwise(tmp_path: Path, name: str) -> None:
    path = tmp_path / "image.dcm"
    dicom_file(values(12, "u"), ALL[name], bits=12, elements=5, RescaleSlope="2").save_as(
        path, enforce_file_format=True
    )
    whole = path.read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(60):
        damaged = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 900), 3):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged[: rng.integers(100, len(whole) + 1)] if rng.random() < 0.3 else damaged)
        ours = quick_image(path)
        if ours is not None:
            same(ours, by_the_longer_way(path))


def test_a_file_that_declares_more_than_it_has_is_left_to_the_longer_way(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    dataset = dicom_file(values(12, "u"), ALL["explicit little endian"], bits=12, NumberOfFrames="123456789012")
    dataset.save_as(path, enforce_file_format=True)
    whole = path.read_bytes()
    frames = whole.replace(b"IS\x0c\x00123456789012", b"IS\x14\x00%d " % (1 << 60))
    size = whole.replace(b"IS\x0c\x00123456789012", b"IS\x0c\x001           ").replace(
        b"\x28\x00\x10\x00US\x02\x00\x30\x00", b"\x28\x00\x10\x00US\x02\x00\xff\xff"
    )
    for content, reason in ((frames, "decode:too_large"), (size, "decode:truncated")):
        assert content != whole
        path.write_bytes(content)
        assert quick_image(path) is None
        with pytest.raises(DecodeFailure, match=reason):
            read_image(path)


def test_images_of_one_header_keep_their_own_pixels_and_what_is_remembered_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    monkeypatch.setattr(module, "_REMEMBERED", {})
    stored = values(12, "u")
    for number in range(5):
        path = tmp_path / f"{number}.dcm"
        dataset = dicom_file(
            stored + np.uint16(number), ALL["explicit little endian"], bits=16, WindowCenter=number + 1
        )
        dataset.WindowWidth, dataset.SOPInstanceUID = 10, f"2.25.{number}"
        dataset.save_as(path, enforce_file_format=True)
    found = [read_image(tmp_path / f"{number}.dcm") for number in range(5)]
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one.voxels[0], stored + number)
        assert one.source["windows"][0]["center"] == number + 1
    assert len(module._REMEMBERED) <= 2
