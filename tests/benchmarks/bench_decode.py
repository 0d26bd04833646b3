"""Files to values, by transfer syntax: ours against every reader of DICOM in Python that is there, side by side.

Like with like: each reads the whole file from disk, makes modality values of its pixels (rescale applied), and says the size of its
pixels, its windows and its photometric interpretation; ours does more, which none of the others does (checks every declared size,
clears unused bits, reads overlays and units). Files take turns, which differ in their pixels, UIDs, places and windows. Values are
held against pydicom's first: exactly, but for lossy JPEG and HTJ2K, whose rounding the standard leaves to the decoder (see
validate/imaging/codecs.py). A reader that can't read a syntax, or gives other values, is named and not compared. A last row a reader
reads a series of slices into one volume.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from validate.imaging.dicom import read_image
from validate.imaging.series import read_series

BITS = {"JPEG baseline": 8, "HTJ2K": 16, "HTJ2K RPCL": 16, "HTJ2K lossy": 16}
ROUNDED = {"JPEG extended": 2, "JPEG baseline": 2, "HTJ2K lossy": 2}  # grey levels by which decoders may differ

SAID = ("PixelSpacing", "WindowCenter", "WindowWidth", "PhotometricInterpretation")
FILES, TIMES = 4, 6

spec = importlib.util.spec_from_file_location(
    "encodings_of_dicom", Path(__file__).parents[1] / "imaging" / "encodings_of_dicom.py"
)
assert spec is not None and spec.loader is not None
sys.modules["encodings_of_dicom"] = encodings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(encodings)


def run(*, quick: bool) -> list[dict[str, Any]]:
    warnings.simplefilter("ignore")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, syntax in encodings.ALL.items():
            rows += _syntax(Path(folder), name, syntax, quick=quick)
        rows += _series(Path(folder), 20 if quick else 200)
    return rows


def _syntax(folder: Path, name: str, syntax: str, *, quick: bool) -> list[dict[str, Any]]:
    bits = BITS.get(name, 12)
    paths = [_written(folder, number, name, syntax, bits, 128 if quick else 512) for number in range(FILES)]
    apart = ROUNDED.get(name, 0)
    found = [read_image(path).voxels[0].astype(np.float64) for path in paths]
    for path, mine in zip(paths, found, strict=True):
        assert np.abs(mine - _pydicom(path)).max() <= apart, name
    readers = {
        title: reader
        for title, reader in PEERS.items()
        if all(_agrees(reader, path, mine, apart, name, title) for path, mine in zip(paths, found, strict=True))
    }
    ours, peers = np.inf, dict.fromkeys(readers, np.inf)
    for _ in range(1 if quick else TIMES):  # in turn, so that a busy machine slows all of them
        for path in paths:
            ours = min(ours, _seconds(lambda path=path: read_image(path)))
            for title, reader in readers.items():
                peers[title] = min(peers[title], _seconds(lambda reader=reader, path=path: reader(path)))
    return [{"name": name, "peer_name": title, "ours": ours, "peer": seconds} for title, seconds in peers.items()]


def _written(folder: Path, number: int, name: str, syntax: str, bits: int, side: int) -> Path:
    path = folder / f"{number}.dcm"
    stored = np.roll(_image(side, bits), 7 * number, axis=1)
    encodings.dicom_file(
        stored, syntax, bits=bits, elements=80, Modality="CT", SOPInstanceUID=f"2.25.{number + 1}",
        RescaleSlope="1", RescaleIntercept="-1024", PixelSpacing=[0.7, 0.7], WindowCenter=str(40 + number), WindowWidth="400",
        ImagePositionPatient=[0, 0, 2.5 * number], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    ).save_as(path, enforce_file_format=True)  # fmt: skip
    return path


def _image(side: int, bits: int) -> np.ndarray:
    """Something like a scan: structure, and the noise that makes the last bits costly."""
    y, x = np.mgrid[:side, :side] / side
    noise = np.random.default_rng(0).normal(0, 0.004, (side, side))
    grey = 0.5 + 0.3 * np.sin(9 * x) * np.cos(7 * y) + 0.1 * (np.hypot(x - 0.5, y - 0.5) < 0.3) + noise
    top = (1 << min(bits, 12)) - 1
    return np.clip(grey * top, 0, top).astype(np.uint8 if bits == 8 else np.uint16)


def _agrees(
    reader: Callable[[Path], np.ndarray], path: Path, mine: np.ndarray, apart: int, name: str, title: str
) -> bool:
    try:
        values = np.asarray(reader(path))
    except ImportError as missing:
        print(f"{title} is not installed ({missing.name}), so it is not compared")
        return False
    except Exception as error:
        print(f"{name}: {title} can't read it ({type(error).__name__})")
        return False
    if values.squeeze().shape != mine.shape or np.abs(values.squeeze().astype(int) - mine).max() > apart:
        print(f"{name}: {title} gives other values, so it is not compared")
        return False
    return True


def _pydicom(path: Path) -> np.ndarray:
    dataset = pydicom.dcmread(path)
    return _modality(dataset, dataset.pixel_array)


def _with_plugin(plugin: str) -> Callable[[Path], np.ndarray]:
    def read(path: Path) -> np.ndarray:
        dataset = pydicom.dcmread(path)
        return _modality(dataset, pydicom.pixels.pixel_array(dataset, decoding_plugin=plugin))

    return read


def _modality(dataset: Any, stored: np.ndarray) -> np.ndarray:
    said = [getattr(dataset, keyword) for keyword in SAID]
    assert len(said) == len(SAID)
    return np.asarray(stored * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept))


def _dicomsdl(path: Path) -> np.ndarray:
    import dicomsdl

    dataset = dicomsdl.open(str(path))
    said = [getattr(dataset, keyword) for keyword in SAID]
    assert len(said) == len(SAID)
    return np.asarray(dataset.pixelData())


def _simpleitk(path: Path) -> np.ndarray:
    import SimpleITK

    image = SimpleITK.ReadImage(str(path))
    said = [image.GetMetaData(tag) for tag in ("0028|0030", "0028|1050", "0028|1051", "0028|0004")]
    assert len(said) == len(SAID)
    return np.asarray(SimpleITK.GetArrayFromImage(image))


PEERS: dict[str, Callable[[Path], np.ndarray]] = {
    "pydicom": _pydicom,
    "pydicom, pylibjpeg": _with_plugin("pylibjpeg"),
    "pydicom, pyjpegls": _with_plugin("pyjpegls"),
    "pydicom, Pillow": _with_plugin("pillow"),
    "dicomsdl": _dicomsdl,
    "SimpleITK": _simpleitk,
}


def _series(folder: Path, count: int) -> list[dict[str, Any]]:
    place = folder / "series"
    place.mkdir()
    stored = _image(512, 12)
    for k in range(count):
        dataset = encodings.dicom_file(
            stored + np.uint16(k), encodings.NATIVE["explicit little endian"], bits=16, elements=80, Modality="CT",
            ImagePositionPatient=[0.0, 0.0, 0.5 * k], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[0.7, 0.7],
            RescaleSlope=1, RescaleIntercept=-1024, InstanceNumber=count - k, SOPInstanceUID=f"2.25.{k + 1}",
        )  # fmt: skip
        dataset.save_as(place / f"{(k * 7919) % count:05d}.dcm", enforce_file_format=True)
    paths = sorted(place.iterdir())
    expected = read_series(paths).voxels
    rows = []
    for title, peer in (
        ("pydicom, sorted and stacked", _pydicom_series),
        ("dicomsdl, sorted and stacked", _dicomsdl_series),
    ):
        try:
            np.testing.assert_array_equal(expected, peer(paths))
        except ImportError as missing:
            print(f"{title} is not installed ({missing.name}), so it is not compared")
            continue
        ours = theirs = np.inf
        for _ in range(2):
            ours = min(ours, _seconds(lambda: read_series(paths)))
            theirs = min(theirs, _seconds(lambda peer=peer: peer(paths)))
        rows.append({"name": f"series of {count} slices to a volume", "peer_name": title, "ours": ours, "peer": theirs})
    return rows


def _pydicom_series(paths: list[Path]) -> np.ndarray:
    slices = sorted((pydicom.dcmread(path) for path in paths), key=lambda one: float(one.ImagePositionPatient[2]))
    return np.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices])


def _dicomsdl_series(paths: list[Path]) -> np.ndarray:
    import dicomsdl

    slices = sorted((dicomsdl.open(str(path)) for path in paths), key=lambda one: float(one.ImagePositionPatient[2]))
    return np.stack([one.pixelData() for one in slices])


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
