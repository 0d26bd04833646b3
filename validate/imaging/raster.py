"""Pictures without geometry: PNG, JPEG and TIFF, as the numbers they store. No size of a pixel is believed from them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.volume import DecodeFailure, Volume

MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF"}
LARGEST = 1 << 30  # pixels of all pages
ERRORS = (ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError)


def raster_format(head: bytes) -> str | None:
    """PNG, JPEG or TIFF by the first bytes of a file, or None."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)


def check_raster(path: Path) -> None:
    """Raise DecodeFailure where the header alone shows that it can't be read."""
    _measured(path)


def read_raster(path: Path) -> Volume:
    """Grey or RGB pixels of one picture, or of each page of a TIFF.

    voxels : (page, y, x) or (page, y, x, 3), of the stored type; turned as the EXIF orientation says, which `source` names
    source : decoder, format, range (of the type; of floating point, of the values), orientation
    Raises DecodeFailure: decode:missing, corrupt, truncated, too_large, alpha, unsupported_picture, not_finite.
    """
    kind, orientation = _measured(path)
    try:
        values = _decoded(path, kind)
    except DecodeFailure:
        raise
    except ERRORS as error:
        raise DecodeFailure("decode:corrupt", f"The {kind} can't be decoded ({type(error).__name__}).") from error
    pages = _pages(_opaque(values), kind)
    if pages.dtype.kind == "f":
        if not np.isfinite(pages).all():
            raise DecodeFailure("decode:not_finite", "The pixels hold values that are not numbers.")
        ends = float(pages.min()), float(pages.max())
    else:
        ends = float(np.iinfo(pages.dtype).min), float(np.iinfo(pages.dtype).max)
    turned = _turned(pages, orientation)
    source = {"decoder": _decoder(kind), "format": kind, "range": ends, "orientation": orientation}
    return Volume(np.ascontiguousarray(turned), source=source)


def _measured(path: Path) -> tuple[str, int]:
    """(format, EXIF orientation 1 to 8) from the header, within bounds."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings(), path.open("rb") as stream:
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=["PNG", "JPEG", "TIFF"]) as image:
                pages = int(getattr(image, "n_frames", 1))
                pixels = image.width * image.height * pages
                orientation = int(image.getexif().get(0x0112, 1) or 1)
                kind = str(image.format)
    except FileNotFoundError:
        raise DecodeFailure("decode:missing", "The file was there when the cohort was read and is gone now.") from None
    except Image.DecompressionBombError:
        raise DecodeFailure("decode:too_large", f"The picture has more than {LARGEST:,} pixels.") from None
    except UnidentifiedImageError:
        raise DecodeFailure("decode:corrupt", "The file is no readable PNG, JPEG or TIFF.") from None
    except (*ERRORS, SyntaxError) as error:
        raise DecodeFailure(
            "decode:corrupt", f"The picture's header can't be read ({type(error).__name__})."
        ) from error
    if pixels > LARGEST:
        raise DecodeFailure("decode:too_large", f"The picture has {pixels:,} pixels; at most {LARGEST:,} are read.")
    return kind, orientation if 1 <= orientation <= 8 else 1


def _decoder(kind: str) -> str:
    return "pillow" if kind == "TIFF" else "imagecodecs"


def _decoded(path: Path, kind: str) -> NDArray[Any]:
    import imagecodecs

    if kind == "PNG":  # Pillow would cut 16-bit colour to 8 bits in silence
        return np.asarray(imagecodecs.png_decode(path.read_bytes()))
    if kind == "JPEG":
        content = path.read_bytes()
        if content.rfind(b"\xff\xd9") < 0:
            raise DecodeFailure("decode:truncated", "The JPEG has no end.")
        return np.asarray(imagecodecs.jpeg8_decode(content))
    return _tiff(path)


def _tiff(path: Path) -> NDArray[Any]:
    from PIL import Image, ImageSequence

    with Image.open(path, formats=["TIFF"]) as image:
        pages = []
        for page in ImageSequence.Iterator(image):
            depths = set(getattr(page, "tag_v2", {}).get(258, (1,)))  # BitsPerSample
            if page.mode == "RGB" and depths != {8}:
                raise DecodeFailure(
                    "decode:unsupported_picture", f"A TIFF in colour of {max(depths)} bits is not read."
                )
            if page.mode == "P":
                page = page.convert("RGB")  # noqa: PLW2901 (a palette says which colour each value is)
            if page.mode not in {"L", "RGB", "I;16", "I;16B", "I", "F", "1", "RGBA", "LA"}:
                raise DecodeFailure("decode:unsupported_picture", f"TIFF of kind {page.mode} is not read.")
            values = np.asarray(page)
            pages.append(values.astype(values.dtype.newbyteorder("=")))
    if len({page.shape for page in pages}) > 1:
        raise DecodeFailure("decode:unsupported_picture", "The pages of the TIFF are of different sizes.")
    return np.stack(pages) if len(pages) > 1 else pages[0]


def _opaque(values: NDArray[Any]) -> NDArray[Any]:
    """Without an alpha channel, which must hide nothing."""
    if values.ndim >= 3 and values.shape[-1] in {2, 4} and values.dtype.kind == "u":
        alpha = values[..., -1]
        if (alpha != np.iinfo(values.dtype).max).any():
            raise DecodeFailure(
                "decode:alpha", "The picture is transparent in places, and what lies behind is not said."
            )
        values = values[..., :-1]
        return values[..., 0] if values.shape[-1] == 1 else values
    return values


def _pages(values: NDArray[Any], kind: str) -> NDArray[Any]:
    if values.dtype.kind == "b":
        values = values.astype(np.uint8) * np.uint8(255)
    colour = values.ndim >= 3 and values.shape[-1] == 3
    wanted = 4 if colour else 3
    if values.ndim == wanted - 1:
        values = values[None]
    if values.ndim != wanted or values.dtype.kind not in "uif" or 0 in values.shape:
        raise DecodeFailure("decode:unsupported_picture", f"The {kind} holds an array of shape {values.shape}.")
    return values


def _turned(pages: NDArray[Any], orientation: int) -> NDArray[Any]:
    """As EXIF 2.3, 4.6.4, Orientation: 2, 4, 5, 7 mirrored; 3 upside down; 6 and 8 on their sides."""
    if orientation in {5, 6, 7, 8}:
        pages = pages.swapaxes(1, 2)
    if orientation in {2, 3, 6, 7}:
        pages = pages[:, :, ::-1]
    if orientation in {3, 4, 7, 8}:
        pages = pages[:, ::-1]
    return pages
