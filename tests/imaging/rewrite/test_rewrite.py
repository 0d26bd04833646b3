"""The same image in another file: every pixel, window and spacing as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from validate.imaging.dicom import read_image
from validate.imaging.volume import DecodeFailure
from validate.registry import load

SAMPLES = sorted((Path(__file__).parents[3] / "sample_data/cxr").rglob("*.dcm"))


def readable(count: int) -> list[Path]:
    found: list[Path] = []
    syntaxes: set[str] = set()
    for path in SAMPLES:
        try:
            syntax = read_image(path).source["transfer_syntax"]
        except DecodeFailure:
            continue
        if syntax not in syntaxes:
            syntaxes.add(syntax)
            found.append(path)
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [("transfer_syntax", {"to": to}) for to in ("implicit", "explicit", "deflated", "rle", "jpeg_ls", "jpeg_2000")]
    + [("tag_order", {}), ("tag_order", {"private": False})],
)
def test_the_image_is_the_same(name: str, options: dict[str, object]) -> None:
    paths = readable(4)
    assert len(paths) >= 3  # several transfer syntaxes to start from
    for path in paths:
        content = load("rewritings", name)(path.read_bytes(), options, np.random.default_rng(1))
        before, after = read_image(path), read_image(content)
        assert np.array_equal(before.voxels, after.voxels)
        assert before.spacing == after.spacing
        assert str(before.source["windows"]) == str(after.source["windows"])
        assert path.read_bytes() != content or name == "transfer_syntax"


def test_what_is_no_dicom_file_is_refused() -> None:
    with pytest.raises(DecodeFailure) as caught:
        load("rewritings", "transfer_syntax")(b"x" * 4000, {"to": "explicit"}, np.random.default_rng(1))
    assert caught.value.reason == "rewrite:failed"
