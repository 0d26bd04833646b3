"""NIfTI with its geometry: sform before qform, RAS to LPS, and everything refused that has no one reading."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.imaging.mask import Grid, LabelMap, whole_labels
from validate.imaging.nifti import image_bytes, is_nifti, mask_bytes, read_grid, read_mask, read_nifti
from validate.imaging.volume import DecodeFailure

SHEARED = np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def saved(path: Path, values: np.ndarray, affine: np.ndarray | None = None, **header: object) -> Path:
    image = nibabel.Nifti1Image(values, np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine)
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def test_axes_are_turned_from_right_anterior_superior_to_left_posterior_superior(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.array([[2.0, 0, 0, 10], [0, 3.0, 0, 20], [0, 0, 4.0, 30], [0, 0, 0, 1]])
    volume = read_nifti(saved(tmp_path / "a.nii.gz", values, affine))
    assert volume.voxels.shape == (4, 3, 2)
    assert volume.voxels[3, 2, 1] == values[1, 2, 3]
    assert volume.spacing == (4.0, 3.0, 2.0)
    # by hand: voxel (1, 2, 3) lies at RAS (12, 26, 42), which is LPS (-12, -26, 42)
    assert (volume.affine @ [1, 2, 3, 1]).tolist() == [-12.0, -26.0, 42.0, 1.0]


def test_the_sform_is_taken_before_the_qform_and_the_qform_where_it_is_alone(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    image.set_qform(np.diag([1.0, 1, 1, 1]) + np.array([[0, 0, 0, 5.0]] + [[0.0] * 4] * 3), code=1)
    image.set_sform(np.eye(4), code=1)
    nibabel.save(image, tmp_path / "both.nii")
    assert read_nifti(tmp_path / "both.nii").source["affine"] == "sform"
    assert read_grid(tmp_path / "both.nii").affine[0, 3] == 0
    image.set_sform(None, code=0)
    nibabel.save(image, tmp_path / "qform.nii")
    assert read_nifti(tmp_path / "qform.nii").source["affine"] == "qform"
    assert read_grid(tmp_path / "qform.nii").affine[0, 3] == -5


def test_a_voxel_of_1_6_mm_is_one_however_the_slices_are_turned(tmp_path: Path) -> None:
    for angle in (0.0, 0.3, 0.7):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        affine = np.eye(4)
        affine[:3, :3] = turn @ np.diag([1.6, 1.7, 8.1])
        path = saved(tmp_path / "a.nii", np.zeros((2, 2, 2), np.uint8), affine.astype(np.float32))
        assert read_grid(path).spacing == (8.1, 1.7, 1.6)


def test_lengths_in_metres_become_millimetres(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.diag([0.001, 0.002, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "m.nii")
    assert read_grid(tmp_path / "m.nii").spacing == pytest.approx((3, 2, 1))


@pytest.mark.parametrize(
    ("values", "affine", "header", "reason", "words"),
    [
        (np.zeros((2, 2, 2), np.uint8), None, {"sform_code": 0, "qform_code": 0}, "nifti:geometry", "neither sform nor qform"),
        (np.zeros((2, 2, 2), np.uint8), None, {"pixdim": [1, 2, 3, 9, 0, 0, 0, 0]}, "nifti:geometry", "pixdim of 2 × 3 × 9"),
        (np.zeros((2, 2, 2), np.uint8), None, {"pixdim": [1, -2, 3, 4, 0, 0, 0, 0]}, "nifti:geometry", "voxels of -2 × 3 × 4 (pixdim)"),
        (np.zeros((2, 2, 2), np.uint8), None, {"pixdim": [1, 2, 0, 4, 0, 0, 0, 0]}, "nifti:geometry", "expected lengths above 0"),
        (np.zeros((2, 2, 2), np.uint8), None, {"pixdim": [1, 2, 3, np.nan, 0, 0, 0, 0]}, "nifti:geometry", "expected lengths above 0"),
        (np.zeros((2, 2, 2, 3), np.uint8), None, {}, "nifti:shape", "2 × 2 × 2 × 3; expected x × y × z"),
        (np.zeros((2, 2, 2), np.complex64), None, {}, "nifti:type", "expected plain numbers"),
        (np.zeros((2, 2, 2), np.uint8), SHEARED, {}, "nifti:skew", "right angles"),
        (np.full((2, 2, 2), 0.5, np.float32), None, {}, "mask:labels", "A voxel is 0.5; a mask holds whole numbers"),
        (np.full((2, 2, 2), np.nan, np.float32), None, {}, "mask:labels", "not a finite number"),
        (np.full((2, 2, 2), -1, np.int16), None, {}, "mask:labels", "between -1 and -1"),
        (np.full((2, 2, 2), 70000, np.int32), None, {}, "mask:labels", "labels are 0 to 65535"),
    ],
)  # fmt: skip
def test_what_has_no_one_reading_is_refused_with_a_reason(
    tmp_path: Path, values: np.ndarray, affine: np.ndarray | None, header: dict[str, object], reason: str, words: str
) -> None:
    image = nibabel.Nifti1Image(values, np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine)
    content = bytearray(image.to_bytes())
    for name, value in header.items():  # nibabel would mend these itself
        start, width = {"sform_code": (254, "<i2"), "qform_code": (252, "<i2"), "pixdim": (76, "<f4")}[name]
        packed = np.array(value, width).tobytes()
        content[start : start + len(packed)] = packed
    (tmp_path / "bad.nii").write_bytes(bytes(content))
    with pytest.raises(DecodeFailure) as failure:
        read_mask(tmp_path / "bad.nii")
    assert failure.value.reason == reason
    assert words in failure.value.detail


def test_a_torn_file_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.nii.gz", np.zeros((9, 9, 9), np.int16)).read_bytes()
    cut = gzip.compress(gzip.decompress(whole)[:900])
    for name, content in (("cut.nii.gz", cut), ("torn.nii.gz", whole[:60]), ("text.nii", b"no image" * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DecodeFailure):
            read_mask(tmp_path / name)
    assert is_nifti(tmp_path / "a.nii.gz")
    assert not is_nifti(tmp_path / "text.nii")
    with pytest.raises(DecodeFailure, match=r"end in \.nii"):
        read_grid(tmp_path / "a.dcm")


def test_a_mask_is_written_and_read_back_the_same_with_the_same_bytes(tmp_path: Path) -> None:
    affine = np.diag([-1.5, -1.5, 8.0, 1.0])
    affine[:3, 3] = [40, 50, -60]
    mask = LabelMap(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), Grid((2, 3, 4), affine))
    path = tmp_path / "m.nii.gz"
    path.write_bytes(mask_bytes(mask))
    back = read_mask(path)
    assert (back.labels == mask.labels).all()
    assert back.grid.is_same(mask.grid)
    assert mask_bytes(back) == path.read_bytes() == image_bytes(mask.labels, mask.grid)


@settings(max_examples=25, deadline=None)
@given(
    flip=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    order=st.permutations([0, 1, 2]),
    seed=st.integers(0, 999),
)
def test_a_mask_stored_in_another_order_of_axes_says_the_same_on_its_own_grid(
    flip: tuple[bool, ...], order: list[int], seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, (3, 4, 5)).astype(np.uint8)  # (z, y, x)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    turned, across = labels.T, affine.copy()  # (x, y, z)
    for axis, turn in enumerate(flip):
        if turn:
            turned = np.flip(turned, axis)
            across = across @ _flip(axis, turned.shape[axis])
    turned, across = np.transpose(turned, order), across @ np.eye(4)[:, [*order, 3]]
    other = LabelMap(np.ascontiguousarray(turned.T), Grid(turned.T.shape, across))
    assert (other.on(Grid((3, 4, 5), affine)).labels == labels).all()


def _flip(axis: int, length: int) -> np.ndarray:
    turn = np.eye(4)
    turn[axis, axis], turn[axis, 3] = -1, length - 1
    return turn


def test_on_a_finer_grid_each_centre_has_the_value_of_the_voxel_it_lies_in() -> None:
    coarse = LabelMap(np.array([[[1, 2]]], np.uint8), Grid((1, 1, 2), np.diag([2.0, 2.0, 2.0, 1.0])))
    fine = np.diag([1.0, 2.0, 2.0, 1.0])
    fine[0, 3] = -1.5  # by hand: centres at -1.5, -0.5, 0.5, 1.5, 2.5, 3.5; voxels reach from -1 to 1 and from 1 to 3
    assert coarse.on(Grid((1, 1, 6), fine)).labels.tolist() == [[[0, 1, 1, 2, 2, 0]]]


def test_grids_differ_where_shape_place_or_direction_do() -> None:
    here = Grid((2, 2, 2), np.eye(4))
    moved = np.eye(4)
    moved[0, 3] = 0.02
    assert here.is_same(Grid((2, 2, 2), np.eye(4) + 1e-4))
    assert not here.is_same(Grid((2, 2, 2), moved))
    assert not here.is_same(Grid((2, 2, 3), np.eye(4)))
    assert not here.is_same(Grid((2, 2, 2), np.diag([-1.0, 1, 1, 1])))


def test_labels_of_an_odd_type_are_refused() -> None:
    with pytest.raises(DecodeFailure, match="type complex64"):
        whole_labels(np.zeros(2, np.complex64))
