"""DICOM objects made elsewhere: matched by UIDs, unmatched ones listed, doubtful ones refused, and geometry kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

sys.path.insert(0, str(Path(__file__).parent))
from vendor_node import CODE, logit, report  # type: ignore[import-not-found]
from vendor_objects import (  # type: ignore[import-not-found]
    FINDING,
    GSPS,
    capture,
    drawn,
    flat_region,
    other,
    region_in_space,
    region_report,
    segmentation,
    volume_files,
)

from validate.errors import ModelError, ProtocolError
from validate.imaging.nifti import read_mask
from validate.models.adapter import Batch
from validate.models.dicom_results import ADAPTER
from validate.models.prediction import Boxes, ClassScores, Failure, Mask

Make = Callable[..., Any]
SR = {"kind": "sr", "measurement": {"code": CODE[0], "scheme": CODE[1]}}
SCORE = {"activation": "none", "kind": "score"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


@pytest.fixture
def opened(model: Make, results: Path) -> Callable[..., Any]:
    def made(answer: Any = SR, output: Any = SCORE, **options: Any) -> Any:
        block = model(format="dicom_results", path=results.name, output=output, options={"answer": answer, **options})
        return ADAPTER.load(block, base=results.parent, device="cpu")

    return made


def _put(folder: Path, name: str, dataset: Dataset) -> None:
    dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)


def _image(batch: Batch, number: int = 0) -> Dataset:
    return dcmread(batch.cases[number].files[0])


def test_reports_are_matched_and_the_rest_is_listed(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(3)
    for number in (0, 1):
        image = _image(images, number)
        _put(results, f"b{number}", report(image, logit(image)))
    _put(results, "a-stranger", report(_image(images), 9.0, study="1.2.3"))
    (results / "notes.txt").write_text("not DICOM")
    loaded = opened()
    facts = loaded.coverage(images.cases)
    assert (facts["with_output"], facts["cases_without_row"], facts["rows_without_case"]) == (2, 1, 1)
    assert facts["rows_without_case_listed"] == [1]
    assert facts["cases_without_row_listed"] == ["unit-002"]
    assert facts["other_files"] == 1
    first, second, third = loaded.predict(Batch(images.cases))
    means = images.pixels.astype("float64").mean(axis=(1, 2, 3))
    assert [first.scores["score"], second.scores["score"]] == pytest.approx((4 * means[:2] - 1.5).tolist(), rel=1e-6)
    assert third == Failure("missing_output", "There is no DICOM object for this case.")
    assert not loaded.identity.witnessed


def test_two_objects_of_one_case_are_refused_by_number(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    for name in ("a", "b"):
        _put(results, name, report(_image(images), 0.5))
    with pytest.raises(ModelError, match=r"objects 1 and 2 of the folder.*both of one case.*leave one"):
        opened().coverage(images.cases)


def test_an_object_of_several_cases_is_coarser_than_the_unit(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(2)
    study = dict(images.cases[0].keys)["study_instance_uid"]
    cases = [
        type(case)(**{name: getattr(case, name) for name in case.__slots__} | {"keys": {**case.keys, "study_instance_uid": study}})
        for case in images.cases
    ]  # fmt: skip
    _put(results, "a", report(_image(images), 0.5))
    with pytest.raises(ModelError, match=r"object 1 .* is of several cases, so 'study' is coarser"):
        opened(match="study").coverage(cases)


def test_a_report_of_another_study_gives_no_number(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    _put(results, "a", report(_image(images), 0.5, study="1.2.3.4"))
    with pytest.raises(ModelError, match="none of 1 objects refers to the image of any of the 1 cases"):
        opened().coverage(images.cases)


REPORTS: dict[str, tuple[Any, str]] = {
    "another code": (lambda image: report(image, 0.5, concept=("x", "99Y")), "no_code"),
    "no value": (lambda image: report(image, None), "missing_output"),
    "no number": (lambda image: report(image, ""), "bad_answer"),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_does_not_say_it_is_a_failure(name: str, opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    make, reason = REPORTS[name]
    _put(results, "a", make(_image(images)))
    (result,) = opened().predict(Batch(images.cases))
    assert isinstance(result, Failure)
    assert result.reason == reason


def test_a_code_that_stands_twice_is_ambiguous_unless_its_finding_is_named(
    opened: Make, imaged: Make, results: Path
) -> None:
    from vendor_node import code

    images = imaged(1)
    found = report(_image(images), 0.25)
    other = report(_image(images), 0.75).ContentSequence[0]
    finding = Dataset()
    finding.RelationshipType, finding.ValueType = "CONTAINS", "CODE"
    finding.ConceptNameCodeSequence = [code("121071", "DCM", "Finding")]
    finding.ConceptCodeSequence = [code("36118008", "SCT", "Pneumothorax")]
    other.ContentSequence.insert(0, finding)
    found.ContentSequence.append(other)
    _put(results, "a", found)
    (result,) = opened().predict(Batch(images.cases))
    assert isinstance(result, Failure)
    assert result.reason == "ambiguous_code"
    named = {"kind": "sr", "measurement": {**SR["measurement"], "finding": ["36118008", "SCT"]}}  # type: ignore[dict-item]
    (result,) = opened(named).predict(Batch(images.cases))
    assert result.scores == {"score": 0.75}


def test_several_classes_each_have_a_code(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    found = report(_image(images), 0.25, concept=("1", "99V"))
    found.ContentSequence.append(report(_image(images), 0.75, concept=("2", "99V")).ContentSequence[0])
    _put(results, "a", found)
    answer = {"kind": "sr", "measurements": {"b": {"code": "2", "scheme": "99V"}, "a": {"code": "1", "scheme": "99V"}}}
    output = {**SCORE, "columns": ["a", "b"]}
    (result,) = opened(answer, output).predict(Batch(images.cases))
    assert result.scores == {"a": 0.25, "b": 0.75}
    with pytest.raises(ModelError, match=r"measurements: has 2 codes, and output\.columns 1"):
        opened(answer, {**SCORE, "columns": ["a"]})


def test_a_report_that_highdicom_writes_by_tid_1500_is_read(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    _put(results, "a", region_report(_image(images), [(None, 0.625)], code=CODE))
    (result,) = opened({**SR, "measurement": {**SR["measurement"], "finding": list(FINDING)}}).predict(  # type: ignore[dict-item]
        Batch(images.cases)
    )
    assert isinstance(result, ClassScores), result
    assert result.scores == {"score": 0.625}


# --- marks of reports

SHAPES = {kind: {"activation": "none", "kind": kind, "space": "pixels"} for kind in ("boxes", "points", "balls")}
IN_MM = {kind: {**output, "space": "mm"} for kind, output in SHAPES.items()}
# By hand: columns and rows from the corner of the first pixel.
FLAT: dict[str, tuple[str, str, list[list[float]], list[float]]] = {
    "a point": ("points", "POINT", [[3.5, 2.0]], [3.5, 2.0]),
    "a box drawn as a closed line": ("boxes", "POLYLINE", [[1, 2], [5, 2], [5, 6], [1, 6], [1, 2]], [1, 2, 5, 6]),
    "a circle as a box": ("boxes", "CIRCLE", [[4, 3], [6, 3]], [2, 1, 6, 5]),
    "a circle as a ball": ("balls", "CIRCLE", [[4, 3], [6, 3]], [4, 3, 4]),
    "an ellipse as a box": ("boxes", "ELLIPSE", [[1, 3], [7, 3], [4, 2], [4, 4]], [1, 2, 7, 4]),
    # half axes (2, 2) and (-1, 1): it reaches sqrt(4 + 1) from its centre to every side
    "a turned ellipse as a box": (
        "boxes",
        "ELLIPSE",
        [[2, 2], [6, 6], [5, 3], [3, 5]],
        [4 - 5**0.5] * 2 + [4 + 5**0.5] * 2,
    ),
}


@pytest.mark.parametrize("name", FLAT)
def test_regions_of_a_report_become_marks_with_their_scores(
    name: str, opened: Make, imaged: Make, results: Path
) -> None:
    output, kind, points, expected = FLAT[name]
    images = imaged(1)
    image = _image(images)
    _put(results, "a", region_report(image, [(flat_region(image, kind, points), 0.75)], code=CODE))
    (found,) = opened(SR, SHAPES[output]).predict(Batch(images.cases))
    assert isinstance(found, Boxes), found
    assert found.geometry.tolist() == [pytest.approx(expected)]
    assert (found.scores.tolist(), found.targets) == ([0.75], ("",))


def test_kinds_of_lesion_are_told_by_their_findings_and_other_groups_are_left_out(
    opened: Make, imaged: Make, results: Path
) -> None:
    images = imaged(1)
    image = _image(images)
    nodule, effusion = ("427359005", "SCT"), ("60046008", "SCT")
    found = region_report(image, [(flat_region(image, "POINT", [[1, 1]]), 0.25)], code=CODE, finding=nodule)
    for finding, at in ((FINDING, 2), (effusion, 3)):
        one = region_report(image, [(flat_region(image, "POINT", [[at, at]]), 0.5)], code=CODE, finding=finding)
        found.ContentSequence[-1].ContentSequence.extend(one.ContentSequence[-1].ContentSequence)
    _put(results, "a", found)
    measured = {name: {**SR["measurement"], "finding": list(of)} for name, of in (("nodule", nodule), ("air", FINDING))}  # type: ignore[dict-item]
    (marks,) = opened({"kind": "sr", "measurements": measured}, SHAPES["points"]).predict(Batch(images.cases))
    assert isinstance(marks, Boxes), marks
    assert (marks.geometry.tolist(), marks.targets) == ([[1.0, 1.0], [2.0, 2.0]], ("nodule", "air"))
    (only,) = opened({"kind": "sr", "measurement": measured["air"]}, SHAPES["points"]).predict(Batch(images.cases))
    assert only.geometry.tolist() == [[2.0, 2.0]]


def test_a_report_without_a_region_has_no_marks(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    found = region_report(_image(images), [(None, 0.5)], code=CODE)
    del found.ContentSequence[-1]
    _put(results, "a", found)
    (marks,) = opened(SR, SHAPES["boxes"]).predict(Batch(images.cases))
    assert isinstance(marks, Boxes), marks
    assert len(marks) == 0


def test_marks_without_a_number_of_their_own_have_the_one_that_the_protocol_says(
    opened: Make, imaged: Make, results: Path
) -> None:
    images = imaged(1)
    image = _image(images)
    _put(results, "a", region_report(image, [(flat_region(image, "POINT", [[1, 1]]), None)], code=CODE))
    (marks,) = opened({"kind": "sr", "mark_score": 1.0}, SHAPES["points"]).predict(Batch(images.cases))
    assert marks.scores.tolist() == [1.0]
    (result,) = opened(SR, SHAPES["points"]).predict(Batch(images.cases))
    assert result == Failure("no_code", "A finding of the report has a place and no score.")


def test_a_score_without_a_place_is_no_mark(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    _put(results, "a", region_report(_image(images), [(None, 0.5)], code=CODE))
    (result,) = opened(SR, SHAPES["points"]).predict(Batch(images.cases))
    assert result == Failure("sr:mark", "A finding of the report has a score and no place on an image.")


def test_a_region_on_another_image_is_not_this_cases(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(2)
    image, elsewhere = _image(images), _image(images, 1)
    found = region_report(image, [(flat_region(image, "POINT", [[1, 1]]), 0.5)], code=CODE)
    other_one = region_report(elsewhere, [(flat_region(elsewhere, "POINT", [[2, 2]]), 0.5)], code=CODE)
    found.ContentSequence[-1].ContentSequence.extend(other_one.ContentSequence[-1].ContentSequence)
    _put(results, "a", found)
    (marks,) = opened(SR, SHAPES["points"], match="study").predict(Batch(images.cases[:1]))
    assert marks.geometry.tolist() == [[1.0, 1.0]]


def test_a_region_of_another_shape_is_a_failure(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    image = _image(images)
    _put(results, "a", region_report(image, [(flat_region(image, "POINT", [[1, 1]]), 0.5)], code=CODE))
    (result,) = opened(SR, SHAPES["balls"]).predict(Batch(images.cases))
    assert result == Failure("sr:shape", "A region of the report is of a shape that the protocol does not ask for.")


@pytest.fixture
def stack(cases: Make, results: Path, tmp_path: Path) -> Callable[..., Any]:
    """A series of four slices as a case, and a report with one region: of its second slice, or in its space."""

    def made(kind: str, points: list[list[float]], **changes: Any) -> Any:
        paths = volume_files(tmp_path)
        image = dcmread(paths[1])
        (case,) = cases(
            1, files=tuple(paths),
            keys={"study_instance_uid": image.StudyInstanceUID, "series_instance_uid": image.SeriesInstanceUID},
        )  # fmt: skip
        space = len(points[0]) == 3
        place = (region_in_space if space else flat_region)(image, kind, points)
        for name, value in changes.items():
            setattr(place, name, value)
        _put(results, "a", region_report(image, [(place, 0.5)], code=CODE))
        return case

    return made


# The second slice starts at (10, 20, 33) mm; columns are 0.7 mm apart and rows 0.5 mm.
IN_SPACE: dict[str, tuple[str, str, list[list[float]], list[float]]] = {
    "a point of a slice": ("points", "POINT", [[1.5, 2.5]], [10.7, 21.0, 33.0]),  # centre of column 1, row 2
    "a point in space": ("points", "POINT", [[11, 22, 33]], [11, 22, 33]),
    "a ball in space": (
        "balls",
        "ELLIPSOID",
        [[1, 2, 3], [5, 2, 3], [3, 0, 3], [3, 4, 3], [3, 2, 1], [3, 2, 5]],
        [3, 2, 3, 4],
    ),
    "a box in space": (
        "boxes",
        "ELLIPSOID",
        [[1, 2, 3], [5, 2, 3], [3, 1, 3], [3, 3, 3], [3, 2, 0], [3, 2, 6]],
        [1, 1, 0, 5, 3, 6],
    ),
}


@pytest.mark.parametrize("name", IN_SPACE)
def test_regions_of_a_series_lie_in_the_patient(name: str, opened: Make, stack: Any) -> None:
    output, kind, points, expected = IN_SPACE[name]
    case = stack(kind, points)
    (found,) = opened(SR, IN_MM[output], match="series").predict(Batch((case,)))
    assert isinstance(found, Boxes), found
    assert found.geometry.tolist() == [pytest.approx(expected)]


def test_regions_that_are_no_place_in_the_patient_are_failures(opened: Make, stack: Any) -> None:
    elsewhere = stack("POINT", [[11, 22, 33]], ReferencedFrameOfReferenceUID="1.2.3")
    (result,) = opened(SR, IN_MM["points"], match="series").predict(Batch((elsewhere,)))
    assert (result.reason, "another frame of reference" in result.detail) == ("sr:frame_of_reference", True)


def test_a_ball_on_pixels_that_are_not_square_and_a_box_in_one_slice_are_failures(opened: Make, stack: Any) -> None:
    case = stack("CIRCLE", [[2, 2], [3, 2]])
    for output, reason in (("balls", "sr:ball"), ("boxes", "sr:flat")):
        (result,) = opened(SR, IN_MM[output], match="series").predict(Batch((case,)))
        assert result.reason == reason, result


def test_pixels_of_one_slice_are_no_place_in_a_series(opened: Make, stack: Any) -> None:
    case = stack("POINT", [[1, 1]])
    with pytest.raises(ModelError, match=r"output\.space: a case has 4 images, so pixels of one of them are no place"):
        opened(SR, SHAPES["points"], match="series").predict(Batch((case,)))


# --- segmentations


MASK = {"activation": "none", "kind": "mask"}


def test_a_segmentation_becomes_a_mask_on_its_own_grid(
    opened: Make, cases: Make, results: Path, tmp_path: Path
) -> None:
    paths = volume_files(tmp_path)
    labels = np.zeros((4, 6, 5), np.uint8)
    labels[1, 2:5, 1:3], labels[2, 0, 0] = 1, 2
    made = segmentation(paths, labels)
    made.save_as(results / "seg.dcm")
    header = dcmread(paths[0])
    keys = {"study_instance_uid": header.StudyInstanceUID, "series_instance_uid": header.SeriesInstanceUID}
    (case,) = cases(1, files=tuple(paths), keys=keys)
    answer = {"kind": "seg", "segments": {"Liver": 7, "Spleen": 3}}
    loaded = opened(answer, MASK, match="series")
    assert loaded.coverage((case,))["with_output"] == 1
    (result,) = loaded.predict(Batch((case,)))
    assert isinstance(result, Mask), result
    voxel = 0.5 * 0.7 * 3 / 1000
    assert {value: volume for value, volume in result.volumes.items() if value} == pytest.approx(
        {7: 6 * voxel, 3: voxel}
    )
    (tmp_path / "back.nii.gz").write_bytes(result.content)
    back = read_mask(tmp_path / "back.nii.gz")
    # by hand: column 1, row 2, slice 1 lies at (10 + 0.7, 20 + 2 * 0.5, 30 + 3) mm
    from validate.imaging.series import read_series

    ours = read_series(paths)
    index = np.linalg.inv(back.grid.affine) @ np.array([10.7, 21.0, 33.0, 1.0])
    x, y, z = (round(float(one)) for one in index[:3])
    assert back.labels[z, y, x] == 7
    from validate.imaging.mask import Grid

    assert ours.affine is not None
    on_image = back.on(Grid(ours.voxels.shape[:3], ours.affine))
    assert int((on_image.labels == 7).sum()) == 6
    assert int((on_image.labels == 3).sum()) == 1
    strange = opened({"kind": "seg", "segments": {"Liver": 7}}, MASK, match="series")
    (result,) = strange.predict(Batch((case,)))
    assert isinstance(result, Failure)
    assert result.reason == "seg:unknown_segment"


@pytest.fixture
def flat(imaged: Make, results: Path) -> Callable[..., Batch]:
    """A radiograph that says how large its pixels are, or not, and a segmentation of it without any geometry."""

    def made(spacing: tuple[float, float] | None = (0.5, 0.7), **changes: Any) -> Batch:
        images: Batch = imaged(1)
        path = images.cases[0].files[0]
        image = dcmread(path)
        image.StudyDate = image.StudyTime = ""
        if spacing is not None:
            image.ImagerPixelSpacing = list(spacing)
        image.save_as(path)
        labels = np.zeros((1, 8, 8), np.uint8)
        labels[0, 2:5, 1:3], labels[0, 0, 0] = 1, 2
        made = segmentation([path], labels)
        for name, value in changes.items():
            setattr(made, name, value)
        _put(results, "seg", made)
        return images

    return made


FLAT_SEG = {"kind": "seg", "segments": {"Liver": 7, "Spleen": 3}}


def test_a_segmentation_of_a_radiograph_lies_on_its_pixels(opened: Make, flat: Make, tmp_path: Path) -> None:
    images = flat()
    (result,) = opened(FLAT_SEG, MASK).predict(Batch(images.cases))
    assert isinstance(result, Mask), result
    (tmp_path / "back.nii.gz").write_bytes(result.content)
    back = read_mask(tmp_path / "back.nii.gz")
    assert (back.grid.shape, back.grid.spacing) == ((1, 8, 8), (1.0, 0.5, 0.7))
    expected = np.zeros((1, 8, 8), int)
    expected[0, 2:5, 1:3], expected[0, 0, 0] = 7, 3
    assert back.labels.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("spacing", "changes", "reason", "says"),
    [
        (None, {}, "seg:no_geometry", "Neither the segmentation nor its image says how large a pixel is."),
        ((0.5, 0.7), {"Rows": 7}, "seg:grid", "The segmentation has 7 × 8 pixels, its image 8 × 8."),
    ],
)
def test_a_segmentation_that_does_not_lie_on_its_radiographs_pixels_says_why(
    spacing: Any, changes: dict[str, Any], reason: str, says: str, opened: Make, flat: Make
) -> None:
    images = flat(spacing, **changes)
    (result,) = opened(FLAT_SEG, MASK).predict(Batch(images.cases))
    assert result == Failure(reason, says)


# --- presentation states and secondary captures


PATTERN = r"Score: (?P<score>[\d.,]+) ?%"


def test_words_and_marks_of_a_presentation_state_are_read_by_the_stated_rule(
    opened: Make, imaged: Make, results: Path
) -> None:
    images = imaged(2)
    _put(results, "a", drawn(_image(images), "Score: 87,5 % (v2)"))
    _put(results, "b", other(_image(images, 1), GSPS))
    read = opened({"kind": "gsps", "pattern": PATTERN, "percent": True})
    first, second = read.predict(Batch(images.cases))
    assert first.scores == {"score": 0.875}
    assert isinstance(second, Failure)
    assert second.reason == "no_text"
    marked = opened({"kind": "gsps", "any_mark": True}).predict(Batch(images.cases))
    assert [one.scores["score"] for one in marked] == [1.0, 0.0]
    balls = opened(
        {"kind": "gsps", "pattern": PATTERN, "percent": True},
        {"activation": "none", "kind": "balls", "space": "pixels"},
    )
    found, none = balls.predict(Batch(images.cases))
    assert isinstance(found, Boxes), found
    assert found.geometry.tolist() == [[4.0, 3.0, 4.0]]  # centre, and twice the radius of 2
    assert found.scores.tolist() == [0.875]
    assert isinstance(none, Boxes)
    assert len(none) == 0


def test_a_mark_on_the_display_is_on_no_image(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    _put(results, "a", drawn(_image(images), units="DISPLAY"))
    answer = {"kind": "gsps", "mark_score": 1.0}
    (result,) = opened(answer, {"activation": "none", "kind": "boxes", "space": "pixels"}).predict(Batch(images.cases))
    assert isinstance(result, Failure)
    assert result.reason == "gsps:units"


def test_text_of_a_secondary_capture_is_read_by_a_pattern(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    _put(results, "a", capture(_image(images), "AI Score: 12 %"))
    (result,) = opened({"kind": "secondary_capture", "pattern": PATTERN, "percent": True}).predict(Batch(images.cases))
    assert result.scores == {"score": 0.12}


@pytest.mark.parametrize(
    ("answer", "output", "error", "says"),
    [
        ({"kind": "sr"}, SCORE, ProtocolError, "needs measurement or measurements"),
        ({"kind": "gsps", "pattern": "x(.*)"}, SCORE, ProtocolError, r"has no group \(\?P<score>"),
        ({"kind": "gsps", "pattern": "("}, SCORE, ProtocolError, "no regular expression"),
        ({"kind": "secondary_capture"}, SCORE, ProtocolError, "pixels are not guessed at"),
        ({"kind": "gsps"}, SCORE, ModelError, "say how a presentation state becomes a score"),
        ({"kind": "seg"}, SCORE, ModelError, "a segmentation holds no score"),
        (SR, MASK, ModelError, "a structured report holds no mask"),
        ({"kind": "gsps"}, {**SCORE, "kind": "boxes", "space": "pixels"}, ModelError, "marks need a score"),
        (SR, {**SCORE, "kind": "boxes", "space": "voxels"}, ModelError, "a report says where a mark is in pixels"),
        ({"kind": "sr", "mark_score": 1.0}, SCORE, ModelError, "mark_score: belongs to marks"),
        ({"kind": "seg", "mark_score": 1.0}, MASK, ProtocolError, "mark_score belongs to marks"),
        (
            {"kind": "sr", "measurements": {"a": {"code": "1", "scheme": "X"}}},
            {**SCORE, "kind": "boxes", "space": "pixels"},
            ModelError,
            "finding: missing; it tells which kind of lesion",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    answer: Any, output: Any, error: type[Exception], says: str, opened: Make
) -> None:
    with pytest.raises(error, match=says):
        opened(answer, output)


def test_a_folder_without_such_objects_is_said(opened: Make, results: Path) -> None:
    (results / "a.txt").write_text("x")
    with pytest.raises(ModelError, match=r"none of 1 files in .* is a structured report"):
        opened()
