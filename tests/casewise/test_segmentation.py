"""What is measured of each pair of masks, and what becomes of pairs that can't be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from validate.casewise.casewise import CaseTables
from validate.errors import DataError, ModelError

Put = Callable[..., None]
Measured = Callable[..., CaseTables]


def box(value: int = 1, start: int = 2, stop: int = 5) -> np.ndarray:
    """(6, 8, 8) with a cube of a value in it."""
    labels = np.zeros((6, 8, 8), np.uint8)
    labels[start:stop, start:stop, start:stop] = value
    return labels


def study(put: Put, reference: np.ndarray, prediction: np.ndarray, **where: Any) -> None:
    put("images", "P1_ED", reference)
    put("reference", "P1_ED", reference)
    put("predicted", "P1_ED", prediction, **where)


def row(tables: CaseTables, target: str = "left") -> dict[str, Any]:
    return next(one for one in tables.measures.to_pylist() if one["target"] == target)


def test_spacing_enters_every_distance_and_volume(put: Put, measured: Measured) -> None:
    study(put, box(), np.roll(box(), 1, axis=0))  # one slice further, and slices are 3 mm apart
    found = row(measured())
    assert found["hd"] == pytest.approx(3.0)  # by hand; without the spacing it would be 1
    assert found["dice"] == pytest.approx(2 / 3)  # by hand: 18 of 27 voxels shared
    assert found["volume_reference"] == pytest.approx(27 * 3 / 1000)
    assert found["volume_difference"] == 0
    assert (found["empty"], found["failure"]) == ("neither", None)


def test_what_a_boundary_is_changes_the_distance_and_is_asked_of_the_protocol(put: Put, measured: Measured) -> None:
    study(put, box(), box(start=2, stop=4))
    voxel, surfel = row(measured(boundary="voxel")), row(measured(boundary="surfel"))
    assert voxel["nsd"] != pytest.approx(surfel["nsd"])
    assert voxel["dice"] == surfel["dice"]


@pytest.mark.parametrize(
    ("reference", "prediction", "rules", "expected"),
    [
        (0, 1, {}, {"dice": None, "hd95": None, "recall": None, "volume_difference": 0.081}),
        (0, 0, {}, {"dice": None, "hd95": None, "volume_difference": 0.0}),
        (0, 0, {"empty_reference": "agreement_if_both_empty"}, {"dice": 1.0, "hd95": 0.0, "nsd": 1.0}),
        (0, 1, {"empty_reference": "agreement_if_both_empty"}, {"dice": 0.0, "hd95": "diagonal", "nsd": 0.0}),
        (1, 0, {}, {"dice": 0.0, "recall": 0.0, "precision": 0.0, "hd95": "diagonal", "volume_relative": -1.0}),
        (1, 0, {"empty_prediction": "exclude_and_report"}, {"dice": 0.0, "precision": None, "hd95": None}),
    ],
)
def test_empty_masks_count_as_the_protocol_says(
    put: Put, measured: Measured, reference: int, prediction: int, rules: dict[str, str], expected: dict[str, Any]
) -> None:
    study(put, box() * reference + box(2, 6, 8), box() * prediction)
    found = row(measured(**rules))
    # by hand: from the first voxel's centre to the last one's, 7 · 1 mm, 7 · 1 mm and 5 · 3 mm
    diagonal = pytest.approx(np.sqrt(49 + 49 + 225), rel=1e-6)
    for name, value in expected.items():
        assert found[name] == (diagonal if value == "diagonal" else value if value is None else pytest.approx(value)), (
            name
        )
    kind = {(0, 1): "reference", (0, 0): "both", (1, 0): "prediction"}[reference, prediction]
    assert found["empty"] == kind


def test_a_mask_on_another_grid_is_a_failure_with_its_reason(put: Put, measured: Measured) -> None:
    study(put, box(), box(), shift=4)
    found = row(measured())
    assert found["failure"] == "mask:grid"
    assert "lies elsewhere in space" in found["detail"]
    assert (found["dice"], found["volume_reference"]) == (None, pytest.approx(0.081))
    study(put, box(), box()[:5])
    assert "The mask has 5 × 8 × 8 voxels (z, y, x), the reference 6 × 8 × 8" in row(measured())["detail"]


def test_a_mask_on_another_grid_is_brought_over_where_the_protocol_says_so(put: Put, measured: Measured) -> None:
    study(put, box(), np.roll(box(), -1, axis=2), shift=1)
    assert row(measured(grid="nearest"))["dice"] == 1.0


def test_values_that_nobody_named_are_a_failure_of_the_model_and_an_error_of_the_reference(
    put: Put, measured: Measured
) -> None:
    study(put, box(), box(7))
    found = row(measured())
    assert (found["failure"], found["detail"]) == (
        "mask:unknown_class",
        "The mask holds the value 7, which the protocol does not name.",
    )
    study(put, box(7), box())
    with pytest.raises(DataError, match=r"holds the value 7, which reference\.classes does not name"):
        measured()


def test_a_case_without_a_mask_keeps_what_the_reference_says(put: Put, measured: Measured) -> None:
    study(put, box(), box())
    put("images", "P2_ED", box())
    put("reference", "P2_ED", box())
    put("images", "P3_ED", box())  # no reference
    put("predicted", "P3_ED", box())
    tables = measured()
    rows = [one for one in tables.measures.to_pylist() if one["target"] == "left"]
    assert sorted((one["dice"] is None, one["volume_reference"] is None) for one in rows) == [
        (False, False),
        (True, False),
        (True, True),
    ]
    statuses = [(one["target"], one["status"], one["label"]) for one in tables.reference.to_pylist()]
    assert sorted(statuses, key=str).count(("left", "missing", None)) == 1
    assert statuses.count(("right", "present", 0.0)) == 2


def test_any_number_of_workers_gives_the_same_table(put: Put, measured: Measured) -> None:
    for number in range(6):
        put("images", f"P{number}_ED", box())
        put("reference", f"P{number}_ED", box())
        put("predicted", f"P{number}_ED", np.roll(box(), number % 3, axis=1))
    assert measured(workers=1).measures.equals(measured(workers=4).measures)


def test_lesions_are_counted_by_the_stated_rule(put: Put, measured: Measured) -> None:
    reference, prediction = np.zeros((6, 8, 8), np.uint8), np.zeros((6, 8, 8), np.uint8)
    reference[0, 0, 0:2] = reference[3, 3, 3:5] = 1
    prediction[0, 0, 0:1] = prediction[5, 7, 7] = 1  # half of one lesion, and an invented one
    study(put, reference, prediction)
    rule = {"overlap": "iou", "threshold": 0.5, "inclusive": True, "connectivity": 26}
    found = row(measured(lesions=rule))
    # by hand: IoU of the first pair is exactly 0.5
    assert (found["lesions_reference"], found["lesions_found"], found["lesion_false_positives"]) == (2, 1, 1)
    assert (found["lesion_recall"], found["recognition_quality"]) == (0.5, 0.5)
    strict = row(measured(lesions={**rule, "inclusive": False}))
    assert (strict["lesions_found"], strict["lesion_false_positives"], strict["panoptic_quality"]) == (0, 2, 0.0)
    assert row(measured())["lesion_recall"] is None
    # by hand: voxels of 1 × 1 × 3 mm; both lesions have 6 mm³, a ball of 2.25 mm
    sized = row(measured(lesions={**rule, "size_limits": [2.2, 2.3]}))
    counts = [(sized[f"lesions_found_{band}"], sized[f"lesions_reference_{band}"]) for band in (1, 2, 3)]
    assert counts == [(0, 0), (1, 2), (0, 0)]
    assert (sized["lesions_reference_4"], found["lesions_reference_1"]) == (None, None)


def test_the_ejection_fraction_comes_from_two_phases_of_one_study(put: Put, measured: Measured) -> None:
    for phase, stop, predicted in (("ED", 6, 6), ("ES", 4, 5)):
        put("images", f"P1_{phase}", box(stop=stop))
        put("reference", f"P1_{phase}", box(stop=stop))
        put("predicted", f"P1_{phase}", box(stop=predicted))
    asked = {"structure": "left", "phase": "phase", "filled": "ED", "emptied": "ES"}
    rows = [one for one in measured(ejection_fraction=asked).measures.to_pylist() if one["target"] == "left"]
    (found,) = [one for one in rows if one["ejection_fraction_difference"] is not None]
    # by hand: cubes of 64 and 8 voxels give 56/64; 64 and 27 give 37/64
    assert found["ejection_fraction_reference"] == pytest.approx(56 / 64)
    assert found["ejection_fraction_difference"] == pytest.approx(37 / 64 - 56 / 64)
    assert found["volume_reference"] == pytest.approx(64 * 3 / 1000)
    with pytest.raises(DataError, match="no case has phase 'END'; there are ED, ES"):
        measured(ejection_fraction={**asked, "filled": "END"})


def test_an_image_of_one_slice_is_a_plane_with_areas(put: Put, measured: Measured) -> None:
    plane = box()[2:3]
    study(put, plane, plane)
    found = row(measured())
    assert found["volume_reference"] == pytest.approx(9)  # by hand: 3 × 3 pixels of 1 mm²
    assert found["hd"] == 0


def test_masks_of_no_case_and_of_two_cases_are_refused(put: Put, measured: Measured) -> None:
    put("images", "P1_ED", box())
    put("reference", "P1_ED", box())
    put("predicted", "P9_ED", box())
    with pytest.raises(ModelError, match="none of 1 files called like"):
        measured()
    put("reference", "P1_ES", box())
    for name in ("P1_ED",):
        put("predicted", name, box())
    assert row(measured())["dice"] == 1.0


def test_translation_and_scale_change_what_they_should(put: Put, measured: Measured) -> None:
    study(put, box(1, 1, 4), box(1, 1, 3))
    here = row(measured())
    study(put, np.roll(box(1, 1, 4), 2, axis=1), np.roll(box(1, 1, 3), 2, axis=1))
    there = row(measured())
    for name in ("dice", "iou", "hd", "assd", "nsd", "volume_difference"):
        assert here[name] == pytest.approx(there[name]), name


def test_calling_structures_by_each_others_values_changes_whose_row_it_is_and_no_number(
    put: Put, measured: Measured
) -> None:
    reference, prediction = box(1, 1, 4) + box(2, 5, 7), box(1, 1, 3) + box(2, 5, 8)
    study(put, reference, prediction)
    here = {name: row(measured(), name) for name in ("left", "right")}
    other = np.array([0, 2, 1], np.uint8)
    study(put, other[reference], other[prediction])
    there = {name: row(measured(), name) for name in ("left", "right")}
    for name in ("dice", "iou", "hd", "hd95", "assd", "volume_reference", "volume_difference"):
        assert (here["left"][name], here["right"][name]) == (there["right"][name], there["left"][name]), name
    assert here["left"]["dice"] != here["right"]["dice"]
