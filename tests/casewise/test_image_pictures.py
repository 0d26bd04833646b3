"""Pictures of errors: as a display shows the file, small, and only of what can be decoded."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

from validate.casewise.image_pictures import SIDE, WantedImage, image_picture, write_image_pictures
from validate.cohort.case import Case
from validate.imaging.volume import Volume


def pixels(picture: dict[str, object]) -> np.ndarray:
    shape = picture["rows"], picture["columns"]
    return np.frombuffer(base64.b64decode(str(picture["pixels"])), np.uint8).reshape(shape)  # type: ignore[arg-type]


def test_the_window_of_the_file_is_used() -> None:
    voxels = np.array([[[0.0, 50.0], [100.0, 150.0]]])
    window = {"windows": [{"center": 75.5, "width": 50.0, "function": "LINEAR"}], "voi_luts": []}
    seen = pixels(dict(image_picture(Volume(voxels, source=window))))
    assert seen[0, 0] == 0 and seen[1, 1] == 255  # outside of 50 to 100
    assert seen[0, 1] < 10 and seen[1, 0] > 245


def test_a_large_image_is_made_smaller_by_the_means_of_whole_blocks() -> None:
    voxels = np.zeros((1, 1000, 800))
    voxels[:, ::3] = 3.0
    picture = dict(image_picture(Volume(voxels, spacing=(1.0, 0.2, 0.2))))
    assert (picture["rows"], picture["columns"]) == (333, 266)
    assert picture["spacing"] == [0.2 * 1000 / 333, 0.2 * 800 / 266]
    assert max(int(picture["rows"]), int(picture["columns"])) <= SIDE  # type: ignore[call-overload]
    assert len(set(pixels(picture).ravel())) == 1


def test_a_volume_is_shown_by_its_middle_slice() -> None:
    voxels = np.zeros((5, 8, 8))
    voxels[2, :4] = 1.0
    picture = dict(image_picture(Volume(voxels)))
    assert (picture["slice"], picture["slices"]) == (3, 5)
    assert set(pixels(picture).ravel()) == {0, 255}


def test_a_case_that_cannot_be_decoded_has_no_picture(tmp_path: Path) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"nothing")
    case = Case(
        unit="I-1",
        patient="P",
        study="S",
        series="E",
        files=(broken,),
        digest="",
        keys={},
        attributes={},
        has_label=True,
    )
    assert write_image_pictures(tmp_path, [case], [WantedImage("m", "I-1")]) == 0
    assert not list(tmp_path.rglob("*.json"))
