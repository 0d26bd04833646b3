"""Every transfer syntax, sign, depth and kind of colour gives the values that went in, or those that the reference gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from encodings_of_dicom import ALL, LOSSLESS, LOSSY, NATIVE, dicom_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence

from validate.imaging.codecs import Shape, decoded
from validate.imaging.codestream import components
from validate.imaging.dicom import read_image
from validate.imaging.failure import DecodeFailure
from validate.imaging.series import read_series

ROWS, COLUMNS = np.mgrid[0:48, 0:64]
SMOOTH = (2000 + 1500 * np.sin(ROWS / 9) * np.cos(COLUMNS / 11) + (ROWS * COLUMNS) % 7).astype(np.uint16)


def written(tmp_path: Path, dataset: Any) -> Path:
    path = tmp_path / "image.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def of_depth(bits: int, kind: str) -> np.ndarray:
    """Values from one end of the range to the other."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind == "i" else (0, (1 << bits) - 1)
    values = np.rint(np.interp(SMOOTH, (SMOOTH.min(), SMOOTH.max()), (low, high)))
    return values.astype(f"{kind}{1 if bits <= 8 else 2}")


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("kind", ["u", "i"])
@pytest.mark.parametrize("name", [*NATIVE, *LOSSLESS])
def test_lossless_encodings_give_the_values_that_went_in(tmp_path: Path, name: str, kind: str, bits: int) -> None:
    stored = of_depth(bits, kind)
    volume = read_image(written(tmp_path, dicom_file(stored, ALL[name], bits=bits)))
    np.testing.assert_array_equal(volume.voxels[0], stored)
    assert volume.source["transfer_syntax"] == (ALL[name] if name != "deflated" else NATIVE["explicit little endian"])
    by_pydicom = name == "explicit big endian" and bits == 8
    assert volume.source["decoder"] == ("pydicom" if by_pydicom else "numpy" if name in NATIVE else "imagecodecs")


@pytest.mark.parametrize(
    ("name", "bits"), [("JPEG baseline", 8), ("JPEG extended", 12), *((n, 12) for n in list(LOSSY)[2:4])]
)
def test_lossy_encodings_give_what_the_reference_gives(tmp_path: Path, name: str, bits: int) -> None:
    path = written(tmp_path, dicom_file(of_depth(bits, "u"), LOSSY[name], bits=bits))
    volume = read_image(path)
    plugin = {"JPEG baseline": "pillow"}.get(name, "")
    reference = pydicom.pixels.pixel_array(pydicom.dcmread(path), decoding_plugin=plugin).astype(int)
    # 12-bit JPEG: pydicom's only plug-in uses another transform, see validate/imaging/codecs.py
    assert np.abs(volume.voxels[0] - reference).max() <= (2 if name == "JPEG extended" else 0)
    assert volume.source["decoder"] == "imagecodecs"


def test_lossy_htj2k_is_near_the_values_that_went_in(tmp_path: Path) -> None:
    stored = of_depth(12, "u")
    volume = read_image(written(tmp_path, dicom_file(stored, LOSSY["HTJ2K lossy"], bits=16)))
    assert np.abs(volume.voxels[0].astype(int) - stored).max() < 64


@pytest.mark.parametrize("name", ["RLE", "JPEG-LS", "JPEG 2000", "HTJ2K"])
def test_colour_is_what_the_reference_gives(tmp_path: Path, name: str) -> None:
    stored = np.dstack([of_depth(8, "u"), 255 - of_depth(8, "u"), (ROWS * 3 + COLUMNS).astype(np.uint8)])
    photometric = {"JPEG 2000": "YBR_RCT", "HTJ2K": "YBR_RCT"}.get(name, "RGB")
    path = written(tmp_path, dicom_file(stored, LOSSLESS[name], bits=8, PhotometricInterpretation=photometric))
    np.testing.assert_array_equal(read_image(path).voxels[0], stored)


def test_subsampled_jpeg_colour_is_what_the_reference_gives(tmp_path: Path) -> None:
    stored = np.dstack([of_depth(8, "u"), 255 - of_depth(8, "u"), (ROWS * 3 + COLUMNS).astype(np.uint8)])
    dataset = dicom_file(stored, LOSSY["JPEG baseline"], bits=8, PhotometricInterpretation="YBR_FULL_422")
    path = written(tmp_path, dataset)
    volume = read_image(path)
    reference = pydicom.pixels.pixel_array(pydicom.dcmread(path), decoding_plugin="pillow")
    np.testing.assert_array_equal(volume.voxels[0], reference)
    assert volume.source["decoder"] == "imagecodecs"


@pytest.mark.parametrize("name", ["explicit little endian", "RLE", "JPEG-LS", "JPEG 2000", "HTJ2K"])
def test_frames_have_their_own_rescale(tmp_path: Path, name: str) -> None:
    frames = np.stack([SMOOTH + 10 * k for k in range(4)]).astype(np.uint16)
    dataset = dicom_file(frames, ALL[name], bits=16)
    dataset.PerFrameFunctionalGroupsSequence = Sequence([_frame(slope=1 + k, intercept=-k) for k in range(4)])
    path = written(tmp_path, dataset)
    expected = np.stack([frame.astype(float) * (1 + k) - k for k, frame in enumerate(frames)])
    np.testing.assert_array_equal(read_image(path).voxels, expected)
    np.testing.assert_array_equal(read_series([path]).voxels, expected)


def _frame(*, slope: float, intercept: float) -> Dataset:
    values, item = Dataset(), Dataset()
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slope, intercept, "US"
    item.PixelValueTransformationSequence = Sequence([values])
    return item


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_float_pixels_are_as_stored_and_bounded_by_what_they_hold(tmp_path: Path, keyword: str) -> None:
    values = (SMOOTH / 7 - 100).astype(np.float32 if keyword == "FloatPixelData" else np.float64)
    dataset = dicom_file(SMOOTH, NATIVE["explicit little endian"], bits=16)
    del dataset.PixelData
    dataset.BitsAllocated = values.dtype.itemsize * 8
    for name in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, name)
    dataset.add_new(keyword, "OF" if values.dtype.itemsize == 4 else "OD", values.tobytes())
    volume = read_image(written(tmp_path, dataset))
    np.testing.assert_array_equal(volume.voxels[0], values)
    assert volume.source["range"] == (values.min(), values.max())


def test_overlays_are_counted_and_never_drawn(tmp_path: Path) -> None:
    dataset = dicom_file(SMOOTH, NATIVE["explicit little endian"], bits=16)
    dataset.add_new((0x6000, 0x0010), "US", 48)
    dataset.add_new((0x6000, 0x0011), "US", 64)
    dataset.add_new((0x6000, 0x3000), "OW", bytes(48 * 64 // 8))
    volume = read_image(written(tmp_path, dataset))
    np.testing.assert_array_equal(volume.voxels[0], SMOOTH)
    assert volume.source["overlays"] == 1


def test_values_in_the_middle_of_a_word_with_an_overlay_above_are_told_apart(tmp_path: Path) -> None:
    words = ((SMOOTH & 0x3FF) << 4 | 0xC00F | (ROWS.astype(np.uint16) & 1) << 15).astype(np.uint16)
    dataset = dicom_file(words, NATIVE["explicit little endian"], bits=10, HighBit=13)
    np.testing.assert_array_equal(read_image(written(tmp_path, dataset)).voxels[0], SMOOTH & 0x3FF)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 9), (16, 128), (5, 129)])
@pytest.mark.parametrize("kind", ["u1", "u2", "i2"])
def test_rle_of_any_size_and_content_is_what_went_in(tmp_path: Path, shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(sum(shape))
    ends = np.iinfo(kind)
    for values in (
        np.zeros(shape), np.full(shape, ends.max), rng.integers(ends.min, ends.max, shape, endpoint=True),
        np.repeat(rng.integers(0, 100, shape[0])[:, None], shape[1], axis=1),
    ):  # fmt: skip
        stored = values.astype(kind)
        dataset = dicom_file(stored, LOSSLESS["RLE"], bits=stored.dtype.itemsize * 8)
        volume = read_image(written(tmp_path, dataset))
        np.testing.assert_array_equal(volume.voxels[0], stored)
        assert volume.source["decoder"] == "imagecodecs"


def test_an_rle_segment_that_is_too_short_or_too_long_is_for_the_reference_to_judge(tmp_path: Path) -> None:
    stored = of_depth(12, "u")
    frame = next(generate_frames(dicom_file(stored, LOSSLESS["RLE"], bits=12).PixelData, number_of_frames=1))
    for changed in (frame[:-40], frame + b"\0" * 6, frame[:8] + b"\xff\xff\xff\x7f" + frame[12:], frame[:60]):
        dataset = dicom_file(stored, LOSSLESS["RLE"], bits=12)
        dataset.PixelData = encapsulate([changed + b"\0" * (len(changed) % 2)])
        path = written(tmp_path, dataset)
        try:
            theirs = pydicom.pixels.pixel_array(pydicom.dcmread(path), decoding_plugin="pydicom")
        except Exception:
            theirs = None
        try:
            ours = read_image(path).voxels[0]
        except DecodeFailure:
            continue
        if theirs is not None:
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["HTJ2K", "JPEG 2000"])
def test_a_code_stream_that_miscounts_its_components_is_not_given_to_a_fast_decoder(name: str) -> None:
    frame = bytearray(
        next(generate_frames(dicom_file(of_depth(12, "u"), ALL[name], bits=16).PixelData, number_of_frames=1))
    )
    shape = Shape(48, 64, 1, 16, "MONOCHROME2")
    assert components(bytes(frame)) == 1
    assert decoded(bytes(frame), ALL[name], shape) is not None
    frame[39] = 28  # the first tile begins below the image
    assert components(bytes(frame)) == 0
    assert decoded(bytes(frame), ALL[name], shape) is None
