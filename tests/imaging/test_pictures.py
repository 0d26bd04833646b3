"""PNG, JPEG, TIFF and NumPy give the numbers they store; what is ambiguous, hidden or hostile is refused with its reason."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from validate.imaging.image import read_image
from validate.imaging.series import read_series
from validate.imaging.volume import DecodeFailure

RNG = np.random.default_rng(3)
GREY8 = RNG.integers(0, 256, (20, 30)).astype(np.uint8)
GREY16 = RNG.integers(0, 65536, (20, 30)).astype(np.uint16)
COLOUR = RNG.integers(0, 256, (20, 30, 3)).astype(np.uint8)


def refused(path: Path) -> str:
    with pytest.raises(DecodeFailure) as caught:
        read_image(path)
    return caught.value.reason


@pytest.mark.parametrize("values", [GREY8, GREY16, COLOUR, COLOUR.astype(np.uint16) * 257])
def test_a_png_gives_its_numbers_in_all_their_bits(tmp_path: Path, values: np.ndarray) -> None:
    path = tmp_path / "picture.txt"  # the name says nothing
    path.write_bytes(imagecodecs.png_encode(values))
    volume = read_image(path)
    np.testing.assert_array_equal(volume.voxels[0], values)
    assert volume.source["range"] == (0, np.iinfo(values.dtype).max)
    assert volume.affine is None and volume.spacing is None
    np.testing.assert_array_equal(read_series([path]).voxels, volume.voxels)


@pytest.mark.parametrize("values", [GREY8, GREY16, COLOUR, GREY16.astype(np.float32) / 7])
def test_a_tiff_gives_its_numbers(tmp_path: Path, values: np.ndarray) -> None:
    path = tmp_path / "picture.tif"
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(read_image(path).voxels[0], values)


def test_pages_of_a_tiff_are_slices(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY8 + np.uint8(k)) for k in range(3)]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    assert read_image(tmp_path / "p.tif").voxels.shape == (3, 20, 30)


def test_a_jpeg_is_decoded_as_pillow_does_and_turned_as_it_says(tmp_path: Path) -> None:
    smooth = np.asarray(Image.fromarray(GREY8[:5, :5]).resize((40, 24)))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    Image.fromarray(smooth).save(tmp_path / "p.jpg", quality=90, exif=exif)
    volume = read_image(tmp_path / "p.jpg")
    with Image.open(tmp_path / "p.jpg") as image:
        np.testing.assert_array_equal(volume.voxels[0], np.rot90(np.asarray(image), -1))
    assert volume.source["orientation"] == 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_that_of_pillow(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(tmp_path / "p.png", exif=exif)
    with Image.open(tmp_path / "p.png") as image:
        np.testing.assert_array_equal(
            read_image(tmp_path / "p.png").voxels[0], np.asarray(ImageOps.exif_transpose(image))
        )


def test_a_palette_is_colour_and_an_opaque_alpha_is_nothing(tmp_path: Path) -> None:
    palette = Image.fromarray(COLOUR).quantize(16)
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png").voxels[0], np.asarray(palette.convert("RGB")))
    opaque = np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)])
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(opaque))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").voxels[0], COLOUR)
    opaque[3, 3, 3] = 10
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(opaque))
    assert refused(tmp_path / "a.png") == "decode:alpha"


@pytest.mark.parametrize(
    "values", [GREY16, GREY16.reshape(4, 5, 30), GREY16.astype(">i4"), COLOUR[None], np.asfortranarray(GREY8)]
)
def test_an_array_is_as_it_was_saved(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", values)
    for name in ("a.npy", "a.npz"):
        volume = read_image(tmp_path / name)
        np.testing.assert_array_equal(volume.voxels, values if values.ndim > 2 else values[None])
        assert volume.voxels.dtype.isnative


def test_arrays_that_are_no_image_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for values, reason in (
        (np.array([{"a": 1}], dtype=object), "decode:unsupported_array"),
        (np.zeros((3, 3), np.complex64), "decode:unsupported_array"),
        (np.zeros(7), "decode:unsupported_array"),
        (np.zeros((0, 4)), "decode:too_large"),
        (np.array([[1.0, np.nan]]), "decode:not_finite"),
    ):
        np.save(path, values, allow_pickle=True)
        assert refused(path) == reason
    np.save(path, GREY16)
    path.write_bytes(path.read_bytes()[:-10])
    assert refused(path) == "decode:truncated"
    np.savez(tmp_path / "two.npz", GREY8, GREY16)
    assert refused(tmp_path / "two.npz") == "decode:unsupported_array"


def test_an_array_that_declares_more_than_it_has_takes_no_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY16)
    lying = (tmp_path / "a.npy").read_bytes().replace(b"(20, 30)", b"(9999999999999999, 30)"[:8].ljust(8))
    (tmp_path / "b.npy").write_bytes(lying)
    assert refused(tmp_path / "b.npy") in {"decode:corrupt", "decode:too_large", "decode:truncated"}
    header = b"{'descr': '<u2', 'fortran_order': False, 'shape': (1000000000, 1000000000), }".ljust(117) + b"\n"
    (tmp_path / "c.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    assert refused(tmp_path / "c.npy") == "decode:too_large"


def _png(width: int, height: int, content: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (_png(100_000, 100_000, b""), {"decode:too_large"}),
        (_png(64, 64, b"\0" * 65 * 10), {"decode:corrupt"}),
        (imagecodecs.png_encode(GREY8)[:-40], {"decode:corrupt"}),
        (imagecodecs.jpeg8_encode(GREY8)[:-60], {"decode:truncated", "decode:corrupt"}),
        (b"\xff\xd8\xff" + bytes(40), {"decode:corrupt"}),
        (b"II*\0" + b"\xff" * 40, {"decode:corrupt"}),
        (b"\x89PNG\r\n\x1a\n", {"decode:corrupt"}),
    ],
)
def test_damaged_and_lying_pictures_are_refused(tmp_path: Path, content: bytes, reasons: set[Any]) -> None:
    (tmp_path / "p").write_bytes(content)
    assert refused(tmp_path / "p") in reasons
