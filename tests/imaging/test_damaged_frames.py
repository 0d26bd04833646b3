"""No damage inside a compressed frame ends the process or keeps it: it is read, or refused, in a process that goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from encodings_of_dicom import ALL

PROGRAM = """
import random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
import numpy as np
from encodings_of_dicom import ALL, dicom_file
from pydicom.encaps import encapsulate, generate_frames
from validate.imaging.failure import DecodeFailure
from validate.imaging.image import read_image
name, seed, times, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[5])
bits = 8 if name == "JPEG baseline" else 16
image = (np.add.outer(np.arange(48), np.arange(64)) * (2 if bits == 8 else 30)).astype(f"u{bits // 8}")
file = dicom_file(image, ALL[name], bits=bits)
whole = next(generate_frames(file.PixelData, number_of_frames=1))
chance, read = random.Random(seed), 0
for _ in range(times):
    frame = bytearray(whole)
    for _ in range(chance.randint(1, 8)):
        frame[chance.randrange(len(frame))] = chance.randrange(256)
    if chance.random() < 0.2:
        del frame[chance.randrange(1, len(frame)):]
    file.PixelData = encapsulate([bytes(frame)])
    file.save_as(path)
    try:
        read += read_image(path).voxels.shape[-2:] == (48, 64)
    except DecodeFailure:
        pass
print("went on", read)
"""
COMPRESSED = (
    "RLE",
    "JPEG-LS",
    "JPEG 2000",
    "JPEG 2000 lossy",
    "HTJ2K",
    "HTJ2K lossy",
    "JPEG lossless SV1",
    "JPEG baseline",
)


def test_the_names_are_those_of_encodings() -> None:
    assert set(COMPRESSED) <= set(ALL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", COMPRESSED)
def test_the_process_goes_on(tmp_path: Path, name: str, seed: int) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM,
            name,
            str(seed),
            "600",
            str(Path(__file__).parent),
            str(tmp_path / "damaged.dcm"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.startswith("went on"), done.stderr[-2000:]
