"""Files to values, by transfer syntax: ours against every reader of DICOM in Python that is there, side by side.

Each reads the whole file from disk, header and pixels. Values are held against pydicom's first: exactly, but for 12-bit lossy JPEG,
whose rounding the standard leaves to the decoder (see validate/imaging/codecs.py). A reader that can't read a syntax, or gives
other values, is named and not compared. The last rows read a series of slices into one volume.
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
    stored = _image(128 if quick else 512, bits)
    path = folder / "one.dcm"
    encodings.dicom_file(stored, syntax, bits=bits, elements=80).save_as(path, enforce_file_format=True)
    mine = read_image(path).voxels[0].astype(int)
    reference = pydicom.dcmread(path).pixel_array.astype(int)
    assert np.abs(mine - reference).max() <= ROUNDED.get(name, 0), name
    readers = {
        title: reader
        for title, reader in PEERS.items()
        if _agrees(reader, path, mine, ROUNDED.get(name, 0), name, title)
    }
    times = 1 if quick else 7
    ours, peers = np.inf, dict.fromkeys(readers, np.inf)
    for _ in range(times):  # in turn, so that a busy machine slows all of them
        ours = min(ours, _seconds(lambda: read_image(path)))
        for title, reader in readers.items():
            peers[title] = min(peers[title], _seconds(lambda reader=reader: reader(path)))
    return [{"name": name, "peer_name": title, "ours": ours, "peer": seconds} for title, seconds in peers.items()]


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
    return np.asarray(pydicom.dcmread(path).pixel_array)


def _with_plugin(plugin: str) -> Callable[[Path], np.ndarray]:
    return lambda path: np.asarray(pydicom.pixels.pixel_array(pydicom.dcmread(path), decoding_plugin=plugin))


def _dicomsdl(path: Path) -> np.ndarray:
    import dicomsdl

    return np.asarray(dicomsdl.open(str(path)).pixelData(storedvalue=True))


def _simpleitk(path: Path) -> np.ndarray:
    import SimpleITK

    return np.asarray(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))


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
