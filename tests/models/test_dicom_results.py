"""DICOM objects made elsewhere: matched by UIDs, unmatched ones listed, doubtful ones refused, and geometry kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, str(Path(__file__).parent))
from vendor_node import CODE, logit, report  # type: ignore[import-not-found]

from validate.errors import ModelError, ProtocolError
from validate.imaging.nifti import read_mask
from validate.models.adapter import Batch
from validate.models.dicom_results import ADAPTER
from validate.models.prediction import Boxes, ClassScores, Failure, Mask

Make = Callable[..., Any]
SR = {"kind": "sr", "measurement": {"code": CODE[0], "scheme": CODE[1]}}
SCORE = {"activation": "none", "kind": "score"}
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


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


def _other(image: Dataset, sop_class: str, **elements: Any) -> Dataset:
    """An object of another class on this image."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = image.StudyInstanceUID, generate_uid()
    instance = Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedImageSequence = image.SeriesInstanceUID, [instance]
    made.ReferencedSeriesSequence = [series]
    for name, value in elements.items():
        setattr(made, name, value)
    return made


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
    import highdicom as hd
    from highdicom.sr import CodedConcept

    images = imaged(1)
    image = _image(images)
    image.StudyDate, image.StudyTime, image.PatientBirthDate = "20250101", "120000", "19500101"
    observer = hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=CodedConcept("121007", "DCM", "Device"),
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(uid=generate_uid()),
        )
    )
    number = hd.sr.Measurement(
        name=CodedConcept(CODE[0], CODE[1], "Probability"), value=0.625, unit=CodedConcept("1", "UCUM", "no units")
    )
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(generate_uid(), "one"),
        finding_type=CodedConcept("36118008", "SCT", "Pneumothorax"),
        measurements=[number],
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)],
    )
    content = hd.sr.MeasurementReport(
        observation_context=observer,
        procedure_reported=CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=[group],
    )
    made = hd.sr.ComprehensiveSR(
        evidence=[image], content=content[0], series_instance_uid=generate_uid(), series_number=2,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="Vendor",
    )  # fmt: skip
    made.save_as(results / "a.dcm")
    (result,) = opened({**SR, "measurement": {**SR["measurement"], "finding": ["36118008", "SCT"]}}).predict(  # type: ignore[dict-item]
        Batch(images.cases)
    )
    assert isinstance(result, ClassScores), result
    assert result.scores == {"score": 0.625}


# --- segmentations


def _volume_files(folder: Path) -> list[Path]:
    """Four CT slices of 6 × 5 pixels, 0.5 × 0.7 mm, 3 mm apart."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    paths = []
    for number in range(4):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.PatientID, image.PatientName, image.PatientBirthDate, image.PatientSex = "P", "N^", "", ""
        image.StudyDate = image.StudyTime = image.AccessionNumber = image.StudyID = image.ReferringPhysicianName = ""
        image.Modality, image.Manufacturer, image.SeriesNumber, image.InstanceNumber = "CT", "V", 1, number + 1
        image.PositionReferenceIndicator = ""
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = 6, 5, [0.5, 0.7], 3
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [10, 20, 30 + 3 * number]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation, image.RescaleSlope, image.RescaleIntercept = 15, 0, 1, 0
        image.PixelData = np.zeros((6, 5), np.uint16).tobytes()
        image.save_as(folder / f"slice-{number}.dcm", enforce_file_format=True)
        paths.append(folder / f"slice-{number}.dcm")
    return paths


def _segmentation(paths: list[Path], labels: np.ndarray) -> Dataset:
    import highdicom as hd
    from highdicom.sr import CodedConcept

    def segment(number: int, label: str) -> Any:
        return hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=CodedConcept("123037004", "SCT", "Anatomical structure"),
            segmented_property_type=CodedConcept("10200004", "SCT", "Liver"),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                name="x", version="1", family=CodedConcept("123110", "DCM", "Artificial Intelligence")
            ),
        )

    return hd.seg.Segmentation(
        source_images=[dcmread(path) for path in paths], pixel_array=labels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment(1, "Liver"), segment(2, "Spleen")],
        series_instance_uid=generate_uid(), series_number=9, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="V", manufacturer_model_name="M", software_versions="1", device_serial_number="1",
    )  # fmt: skip


MASK = {"activation": "none", "kind": "mask"}


def test_a_segmentation_becomes_a_mask_on_its_own_grid(
    opened: Make, cases: Make, results: Path, tmp_path: Path
) -> None:
    paths = _volume_files(tmp_path)
    labels = np.zeros((4, 6, 5), np.uint8)
    labels[1, 2:5, 1:3], labels[2, 0, 0] = 1, 2
    made = _segmentation(paths, labels)
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


# --- presentation states and secondary captures


def _drawn(image: Dataset, text: str | None = None, *, kind: str = "CIRCLE", units: str = "PIXEL") -> Dataset:
    graphic = Dataset()
    graphic.GraphicAnnotationUnits, graphic.GraphicDimensions, graphic.NumberOfGraphicPoints = units, 2, 2
    graphic.GraphicData, graphic.GraphicType, graphic.GraphicFilled = [4.0, 3.0, 6.0, 3.0], kind, "N"
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicObjectSequence = "AI", [graphic]
    if text is not None:
        words = Dataset()
        words.UnformattedTextValue = text
        layer.TextObjectSequence = [words]
    return _other(image, GSPS, GraphicAnnotationSequence=[layer])


PATTERN = r"Score: (?P<score>[\d.,]+) ?%"


def test_words_and_marks_of_a_presentation_state_are_read_by_the_stated_rule(
    opened: Make, imaged: Make, results: Path
) -> None:
    images = imaged(2)
    _put(results, "a", _drawn(_image(images), "Score: 87,5 % (v2)"))
    _put(results, "b", _other(_image(images, 1), GSPS))
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
    _put(results, "a", _drawn(_image(images), units="DISPLAY"))
    answer = {"kind": "gsps", "mark_score": 1.0}
    (result,) = opened(answer, {"activation": "none", "kind": "boxes", "space": "pixels"}).predict(Batch(images.cases))
    assert isinstance(result, Failure)
    assert result.reason == "gsps:units"


def test_text_of_a_secondary_capture_is_read_by_a_pattern(opened: Make, imaged: Make, results: Path) -> None:
    images = imaged(1)
    _put(results, "a", _other(_image(images), CAPTURE, ImageComments="AI Score: 12 %"))
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
