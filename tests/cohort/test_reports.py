"""Measurement reports (TID 1500), as highdicom writes them, become tables of numbers and lesions with their places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom.sr as sr
import numpy as np
import pytest
from dicom_references import SLICES, SPACING, WHO, ct_series
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from validate.cohort.case import Case
from validate.cohort.lesions import read_lesions
from validate.cohort.reference import read_reference, reference_digest
from validate.cohort.table import read_table
from validate.errors import DataError
from validate.protocol.reference import Reference

TEST = sr.CodedConcept("111", "99TEST", "Likelihood of malignancy")


def group(slices: list[Any], number: int, region: Any, *, size: float | None = None, verdict: str = "") -> Any:
    """One lesion with its region, a diameter and a verdict."""
    measurements = [sr.Measurement(name=codes.SCT.Diameter, value=size, unit=codes.UCUM.Millimeter)] if size else []
    judged = [sr.QualitativeEvaluation(name=TEST, value=sr.CodedConcept(verdict, "99TEST", verdict))] if verdict else []
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(f"2.25.55{number}"), identifier=f"L{number}"),
        referenced_region=region,
        finding_type=sr.CodedConcept("222", "99TEST", "Nodule"),
        measurements=measurements,
        qualitative_evaluations=judged,
    )


def flat(slices: list[Any], k: int, graphic: str, points: Any) -> Any:
    image = sr.SourceImageForRegion(slices[k].SOPClassUID, slices[k].SOPInstanceUID)
    return sr.ImageRegion(
        graphic_type=getattr(sr.GraphicTypeValues, graphic), graphic_data=np.array(points, float), source_image=image
    )


def report(folder: Path, slices: list[Any], groups: list[Any], name: str = "r.dcm") -> None:
    folder.mkdir(exist_ok=True)
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name="Reader^One"),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_person_context=observer),
        procedure_reported=sr.CodedConcept("77477000", "SCT", "CT"),
        imaging_measurements=groups,
    )
    dataset = sr.Comprehensive3DSR(
        evidence=slices, content=content[0], series_instance_uid=UID("2.25.66"), sop_instance_uid=UID("2.25.67"), series_number=5,
        instance_number=1, manufacturer=WHO["manufacturer"], is_complete=True, is_final=False, is_verified=False,
    )  # fmt: skip
    dataset.save_as(folder / name, enforce_file_format=True)


@pytest.fixture
def slices(tmp_path: Path) -> list[Any]:
    return ct_series(tmp_path / "ct")


@pytest.fixture
def case(tmp_path: Path, slices: list[Any]) -> Case:
    keys = {
        "series_instance_uid": str(slices[0].SeriesInstanceUID),
        "study_instance_uid": str(slices[0].StudyInstanceUID),
    }
    return Case(
        "U1", "P", "S", "E", "0" * 64, {}, has_label=True, files=tuple(sorted((tmp_path / "ct").iterdir())), keys=keys
    )


def marks(tmp_path: Path, case: Case, shape: str) -> list[dict[str, Any]]:
    block = Reference(level="series", standard="One reader.", key="series_instance_uid", marks="sr", shape=shape)
    found = read_lesions(block, base=tmp_path, cases=[case])
    assert [row["status"] for row in found.cases.to_pylist()] == ["present"]
    return list(found.marks.to_pylist())


def test_a_point_of_an_image_is_a_place_in_its_series(tmp_path: Path, slices: Any, case: Case) -> None:
    report(tmp_path / "sr", slices, [group(slices, 1, flat(slices, 3, "POINT", [[6.5, 8.5]]))])
    (row,) = marks(tmp_path, case, "point")
    # by hand: the centre of column 6, row 8 of the slice at 40 + 3 * 3 mm
    np.testing.assert_allclose(row["mm"], [-10 + 6 * SPACING[2], -20 + 8 * SPACING[1], 49.0])
    assert (row["pixels"], row["target"], row["lesion"]) == ([6.5, 8.5, 3.5], "Nodule", "L1")


def test_an_outline_is_the_box_around_it(tmp_path: Path, slices: Any, case: Case) -> None:
    outline = flat(slices, 2, "POLYLINE", [[3, 4], [9, 5], [7, 12], [3, 4]])
    report(tmp_path / "sr", slices, [group(slices, 1, outline)])
    (row,) = marks(tmp_path, case, "box")
    assert row["pixels"] == [3, 4, 2, 9, 12, 3]
    np.testing.assert_allclose(row["mm"][2::3], [46 - 1.5, 46 + 1.5])


def test_a_point_in_the_patient_keeps_its_millimetres(tmp_path: Path, slices: Any, case: Case) -> None:
    region = sr.ImageRegion3D(
        graphic_type=sr.GraphicTypeValues3D.POINT, graphic_data=np.array([[-4.4, -12.0, 46.0]]),
        frame_of_reference_uid=slices[0].FrameOfReferenceUID,
    )  # fmt: skip
    report(tmp_path / "sr", slices, [group(slices, 1, region)])
    (row,) = marks(tmp_path, case, "point")
    np.testing.assert_allclose(row["mm"], [-4.4, -12.0, 46.0], rtol=1e-6)
    np.testing.assert_allclose(row["pixels"], [8.5, 10.5, 2.5], rtol=1e-6)


def test_a_report_without_marks_is_a_case_read_and_free(tmp_path: Path, slices: Any, case: Case) -> None:
    whole = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID("2.25.559"), identifier="whole"),
        qualitative_evaluations=[sr.QualitativeEvaluation(name=TEST, value=sr.CodedConcept("n", "99TEST", "None"))],
    )
    report(tmp_path / "sr", slices, [whole])
    assert marks(tmp_path, case, "point") == []


def test_a_region_of_another_shape_is_refused(tmp_path: Path, slices: Any, case: Case) -> None:
    report(tmp_path / "sr", slices, [group(slices, 1, flat(slices, 3, "POINT", [[6.5, 8.5]]))])
    with pytest.raises(DataError, match="a region is a POINT, which is no box"):
        marks(tmp_path, case, "box")


def test_measurements_and_verdicts_are_a_table_that_labels_can_come_from(
    tmp_path: Path, slices: Any, case: Case
) -> None:
    one = group(slices, 1, flat(slices, 3, "POINT", [[6.5, 8.5]]), size=7.5, verdict="Likely")
    report(tmp_path / "sr", slices, [one])
    table = read_table(tmp_path / "sr", what="reference table")
    row = {name: column[0] for name, column in table.columns.items()}
    assert row["Diameter"] == 7.5 and row["Diameter unit"] == "mm" and row["Likelihood of malignancy"] == "Likely"
    assert (row["lesion"], row["finding"], row["accession_number"]) == ("L1", "Nodule", "A1")
    block = Reference(
        level="series",
        standard="x",
        table="sr",
        key="series_instance_uid",
        label="Likelihood of malignancy",
        positive="Likely",
    )
    assert read_reference(block, base=tmp_path, cases=[case])["label"].to_pylist() == [1.0]
    before = reference_digest(block, tmp_path)
    report(tmp_path / "sr", slices, [one], "second.dcm")
    assert reference_digest(block, tmp_path) != before
    with pytest.raises(DataError, match="have the same series_instance_uid"):
        read_reference(block, base=tmp_path, cases=[case])


def test_a_folder_without_reports_is_refused(tmp_path: Path, slices: Any) -> None:
    assert len(slices) == SLICES
    with pytest.raises(DataError, match="no DICOM measurement report"):
        read_table(tmp_path / "ct", what="reference table")
