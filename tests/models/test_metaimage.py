"""MetaImage files: SimpleITK, which everyone else reads and writes them with, finds the same voxels at the same places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from validate.imaging.volume import DecodeFailure, Volume
from validate.models.metaimage import metaimage_bytes, read_metaimage

# A turned grid: columns run along y, rows against x, 0.8 × 0.7 × 2.5 mm.
AFFINE = np.array([[0, -0.7, 0, 5], [0.8, 0, 0, 9], [0, 0, 2.5, -3], [0, 0, 0, 1.0]])


def _volume(kind: str) -> Volume:
    voxels = np.random.default_rng(1).integers(0, 200, (4, 6, 5)).astype(kind)
    return Volume(voxels, affine=AFFINE, spacing=(2.5, 0.7, 0.8))


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "f4", "f8"])
def test_itk_finds_our_voxels_where_we_put_them(kind: str, tmp_path: Path) -> None:
    volume = _volume(kind)
    (tmp_path / "a.mha").write_bytes(metaimage_bytes(volume))
    image = SimpleITK.ReadImage(str(tmp_path / "a.mha"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume.voxels)
    for index in ((0, 0, 0), (4, 0, 0), (1, 5, 3)):
        ours = (AFFINE @ [*index, 1.0])[:3]
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(tuple(ours))


@pytest.mark.parametrize("compressed", [False, True])
def test_we_find_itks_labels_where_it_put_them(compressed: bool, tmp_path: Path) -> None:
    labels = np.random.default_rng(2).integers(0, 4, (4, 6, 5)).astype("u1")
    image = SimpleITK.GetImageFromArray(labels)
    image.SetSpacing((0.8, 0.7, 2.5))
    image.SetOrigin((5.0, 9.0, -3.0))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(tmp_path / "b.mha"), compressed)
    back = read_metaimage(tmp_path / "b.mha")
    assert np.array_equal(back.labels, labels)
    assert back.grid.affine == pytest.approx(AFFINE)


HEADER = b"ObjectType = Image\nNDims = 3\nDimSize = 1 1 2\nElementSpacing = 1 1 1\nElementType = MET_UCHAR\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"hello", "header does not end"),
        (b"hello\n", "no 'key = value'"),
        (HEADER + b"ElementDataFile = /etc/passwd\n", "another file: refused"),
        (HEADER + b"ElementDataFile = LOCAL\n\0", "1 bytes of voxels; expected 2"),
        (HEADER.replace(b"1 1 2", b"9 9 99999999") + b"ElementDataFile = LOCAL\n", "of a size that can be read"),
        (HEADER.replace(b"MET_UCHAR", b"MET_OTHER") + b"ElementDataFile = LOCAL\n", "no plain numbers"),
        (HEADER.replace(b"Spacing = 1 1 1", b"Spacing = 0 1 1") + b"ElementDataFile = LOCAL\n\0\0", "no extent"),
        (HEADER + b"CompressedData = True\nElementDataFile = LOCAL\nxx", "can't be unpacked"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_sentence(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "c.mha").write_bytes(content)
    with pytest.raises(DecodeFailure, match=says):
        read_metaimage(tmp_path / "c.mha")
