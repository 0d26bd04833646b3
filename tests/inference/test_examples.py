"""Pictures of one case, disturbed as in the run: small, in the window of the image as it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from validate.imaging.volume import Volume
from validate.inference.examples import FOLDER, SIDE, picture, write_examples
from validate.protocol.passes import CLEAN, Pass


def test_one_case_is_shown_at_each_severity(study: Callable[..., Any], tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 3, broken=(0,))
    passes = [CLEAN] + [
        Pass(
            f"tone_curve-{s}",
            volume_transform={"name": "tone_curve", "options": {"gamma": 1.0 + s}, "seed": 1, "stream": "t"},
        )
        for s in (1, 3)
    ]
    assert write_examples(tmp_path / "run", cases, passes) == 1
    found = json.loads((tmp_path / "run" / FOLDER / "tone_curve.json").read_text())
    assert found["severities"] == [0, 1, 3] and len(found["pictures"]) == 3
    means = [np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).mean() for one in found["pictures"]]
    assert means[0] >= means[1] >= means[2] and means[0] > means[2]


def test_a_large_image_is_made_small_and_colour_stays_colour() -> None:
    volume = Volume(np.full((1, 300, 600, 3), 128, np.uint8), source={"range": (0.0, 255.0)})
    found = picture(volume, volume)
    assert (found["columns"], found["rows"], found["colour"]) == (SIDE, SIDE // 2, True)
    assert set(base64.b64decode(found["pixels"])) == {128}


def test_without_a_case_that_can_be_read_there_is_no_picture(study: Callable[..., Any], tmp_path: Path) -> None:
    assert write_examples(tmp_path / "run", study(tmp_path / "dicom", 1, broken=(0,)), [CLEAN]) == 0
