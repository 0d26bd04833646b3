"""Reference masks from DICOM SEG and RTSTRUCT come out as the label map that was drawn, on the grid of their image."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_references import COLUMNS, ROWS, SLICES, ct_series, rtstruct, seg, truth
from pydicom.dataset import Dataset

from validate.cohort.case import Case
from validate.cohort.reference_mask import check_masks, reference_mask
from validate.errors import DataError
from validate.imaging.mask import Grid
from validate.imaging.nifti import image_bytes, read_grid
from validate.imaging.series import read_series
from validate.protocol.geometry import Geometry
from validate.protocol.reference import Reference

CLASSES = {"liver": 1, "tumour": 2}


def reference(**fields: Any) -> Reference:
    return Reference(level="series", standard="One reader.", masks="masks", **{"classes": CLASSES, **fields})


@pytest.fixture
def slices(tmp_path: Path) -> list[Any]:
    (tmp_path / "masks").mkdir()
    return ct_series(tmp_path / "ct")


@pytest.fixture
def case(tmp_path: Path, slices: list[Any]) -> Case:
    keys = {"series_instance_uid": str(slices[0].SeriesInstanceUID), "patient_id": "P1"}
    files = tuple(sorted((tmp_path / "ct").iterdir()))
    return Case("U1", "P", "S", "E", "0" * 64, {}, has_label=True, files=files, keys=keys)


def put(tmp_path: Path, dataset: Dataset, name: str = "mask.dcm") -> None:
    dataset.save_as(tmp_path / "masks" / name, enforce_file_format=True)


def read(tmp_path: Path, case: Case, **fields: Any) -> np.ndarray:
    block = reference(**fields)
    check_masks(block, tmp_path, [case], Geometry())
    found = reference_mask(block, tmp_path, case, Geometry())
    assert found is not None
    volume = read_series(case.files)
    assert found.grid.is_same(Grid(volume.voxels.shape, volume.affine))
    return found.labels


def refused(tmp_path: Path, case: Case, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(tmp_path, case, **fields)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_a_segmentation_is_the_labels_that_highdicom_wrote(tmp_path: Path, slices: Any, case: Case, kind: str) -> None:
    put(tmp_path, seg(slices, truth(), kind))
    np.testing.assert_array_equal(read(tmp_path, case), truth())


def test_a_fraction_belongs_from_where_the_protocol_says(tmp_path: Path, slices: Any, case: Case) -> None:
    labels = truth()
    fractions = np.stack([(labels == 1) * 0.9, (labels == 2) * 0.4], axis=-1).astype(np.float32)
    put(tmp_path, seg(slices, fractions, "FRACTIONAL"))
    np.testing.assert_array_equal(read(tmp_path, case, fraction=0.5), np.where(labels == 1, 1, 0))
    np.testing.assert_array_equal(read(tmp_path, case, fraction=0.3), labels)
    assert "reference.fraction must say what belongs" in refused(tmp_path, case)


def test_structures_can_be_called_otherwise_in_the_file(tmp_path: Path, slices: Any, case: Case) -> None:
    put(tmp_path, seg(slices, truth(), "BINARY", names=("Hepar, whole", "Lesion 1")))
    assert "holds a structure 'Hepar, whole', which is none of liver, tumour" in refused(tmp_path, case)
    named = read(tmp_path, case, segments={"liver": "hepar,  WHOLE", "tumour": 2})
    np.testing.assert_array_equal(named, truth())
    some = read(tmp_path, case, segments={"liver": "Hepar, whole"}, classes={"liver": 7}, unnamed="ignore")
    np.testing.assert_array_equal(some, np.where(truth() == 1, 7, 0))


def test_segments_that_share_a_voxel_are_refused(tmp_path: Path, slices: Any, case: Case) -> None:
    both = np.stack([truth() > 0, truth() == 2], axis=-1).astype(np.uint8)
    put(tmp_path, seg(slices, both, "BINARY"))
    assert "Two structures share a voxel" in refused(tmp_path, case)


def test_two_files_may_hold_a_structure_each_but_not_the_same(tmp_path: Path, slices: Any, case: Case) -> None:
    put(tmp_path, seg(slices, (truth() == 1).astype(np.uint8), "BINARY", names=("Liver",)), "one.dcm")
    put(tmp_path, seg(slices, (truth() == 2).astype(np.uint8), "BINARY", names=("Tumour",)), "two.dcm")
    np.testing.assert_array_equal(read(tmp_path, case), truth())
    put(tmp_path, seg(slices, (truth() == 2).astype(np.uint8), "BINARY", names=("Tumour",)), "three.dcm")
    assert "Two files hold the same structure" in refused(tmp_path, case)


def test_a_segmentation_on_another_grid_is_refused_or_brought_to_the_images(
    tmp_path: Path, slices: Any, case: Case
) -> None:
    dataset = seg(slices, truth(), "BINARY")
    # frames of one place share their item: each is moved once, by less than half a slice
    places = {
        id(f.PlanePositionSequence[0]): f.PlanePositionSequence[0] for f in dataset.PerFrameFunctionalGroupsSequence
    }
    for place in places.values():
        place.ImagePositionPatient[2] += 1.4
    put(tmp_path, dataset)
    assert "on another grid than its image; reference.grid is refuse" in refused(tmp_path, case)
    np.testing.assert_array_equal(read(tmp_path, case, grid="nearest"), truth())


def test_contours_fill_the_pixels_whose_centres_they_enclose(tmp_path: Path, slices: Any, case: Case) -> None:
    block = [(1.5, 2.5), (8.5, 2.5), (8.5, 10.5), (1.5, 10.5)]
    hole = [(3.5, 5.5), (5.5, 5.5), (5.5, 7.5), (3.5, 7.5)]
    bar = [(4.5, 13.5), (14.5, 13.5), (14.5, 19.5), (4.5, 19.5)]
    outlines = {"LIVER": [(1, block), (2, block), (2, hole), (3, block)], "Tumour": [(2, bar), (3, bar)]}
    put(tmp_path, rtstruct(slices, outlines))
    np.testing.assert_array_equal(read(tmp_path, case), truth())


def test_a_slanted_contour_agrees_with_an_independent_rule(tmp_path: Path, slices: Any, case: Case) -> None:
    from matplotlib.path import Path as Outline  # oracle

    corners = [(2.3, 1.7), (16.9, 4.2), (11.4, 20.8), (9.6, 12.1), (3.1, 18.4)]
    put(tmp_path, rtstruct(slices, {"liver": [(2, corners)]}))
    y, x = np.mgrid[:ROWS, :COLUMNS]
    expected = Outline(corners).contains_points(np.column_stack([x.ravel(), y.ravel()])).reshape(ROWS, COLUMNS)
    found = read(tmp_path, case, classes={"liver": 1})
    np.testing.assert_array_equal(found[2], expected)
    assert found.sum() == expected.sum()


def _up(data: Any) -> list[float]:
    return [float(value) + 1.5 * (place % 3 == 2) for place, value in enumerate(data)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: setattr(c, "ContourGeometricType", "OPEN_PLANAR"), "A contour is OPEN_PLANAR"),
        (lambda c: setattr(c, "ContourData", list(c.ContourData)[:-1]), "no list of points of three numbers"),
        (lambda c: setattr(c, "ContourData", _up(c.ContourData)), "lies in none of the image's slices"),
    ],
)  # fmt: skip
def test_contours_that_enclose_nothing_are_refused(
    tmp_path: Path, slices: Any, case: Case, change: Any, message: str
) -> None:
    dataset = rtstruct(slices, {"liver": [(2, [(1.5, 2.5), (8.5, 2.5), (8.5, 10.5)])]})
    change(dataset.ROIContourSequence[0].ContourSequence[0])
    put(tmp_path, dataset)
    assert message in refused(tmp_path, case, classes={"liver": 1})


@pytest.mark.parametrize("unit", ["study", "patient"])
def test_a_study_or_patient_of_several_series_has_the_mask_of_its_volume(
    tmp_path: Path, slices: Any, case: Case, unit: str
) -> None:
    put(tmp_path, seg(slices, truth(), "BINARY"))
    scout = copy.deepcopy(slices[0])
    scout.SeriesInstanceUID, scout.SOPInstanceUID = "2.25.4711", "2.25.4712"
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.file_meta.MediaStorageSOPInstanceUID = "2.25.4712"
    scout.save_as(tmp_path / "ct" / "scout.dcm", enforce_file_format=True)
    keys = {"study_instance_uid": str(slices[0].StudyInstanceUID), "patient_id": str(slices[0].PatientID)}
    if unit == "patient":
        del keys["study_instance_uid"]
    whole = dataclasses.replace(case, keys=keys, files=(*case.files, tmp_path / "ct" / "scout.dcm"))
    np.testing.assert_array_equal(read(tmp_path, whole), truth())
    other = dataclasses.replace(whole, keys={**keys, "study_instance_uid": "2.25.8"}, unit="U2")
    assert "none of the SEG and RTSTRUCT files there is of an image of this cohort" in refused(tmp_path, other)


def test_masks_of_other_images_are_nobodys(tmp_path: Path, slices: Any, case: Case) -> None:
    dataset = seg(slices, truth(), "BINARY")
    dataset.ReferencedSeriesSequence[0].SeriesInstanceUID = "2.25.999"
    put(tmp_path, dataset)
    assert "none of the SEG and RTSTRUCT files there is of an image of this cohort" in refused(tmp_path, case)


def test_a_cut_segmentation_is_refused(tmp_path: Path, slices: Any, case: Case) -> None:
    put(tmp_path, seg(slices, truth(), "BINARY"))
    path = tmp_path / "masks" / "mask.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    assert "The pixels have 200 bytes, expected 300" in refused(tmp_path, case)


def test_a_nifti_mask_must_lie_on_its_image(tmp_path: Path, slices: Any, case: Case) -> None:
    volume = read_series(case.files)
    grid = Grid((SLICES, ROWS, COLUMNS), volume.affine)
    path = tmp_path / "masks" / "P1.nii.gz"
    path.write_bytes(image_bytes(truth(), grid))
    assert read_grid(path).is_same(grid)
    np.testing.assert_array_equal(read(tmp_path, case, names="{patient_id}.nii.gz"), truth())
    moved = volume.affine.copy()
    moved[:3, 3] += [0.3, 0, 0]
    path.write_bytes(image_bytes(truth(), Grid(grid.shape, moved)))
    assert "another grid than its image" in refused(tmp_path, case, names="{patient_id}.nii.gz")
    np.testing.assert_array_equal(read(tmp_path, case, names="{patient_id}.nii.gz", grid="nearest"), truth())
