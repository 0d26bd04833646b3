"""From an archive to a cohort: accounted for, pseudonymous, the same at every site."""

from __future__ import annotations

from collections import Counter

import pytest

from validate.cohort.build import build_cohort
from validate.cohort.privacy import is_pseudonym
from validate.errors import DataError

KEY = b"k" * 32


@pytest.fixture
def build(tmp_path):
    def built(protocol, key=KEY, labels="accession_number,opacity\nA-S1,1\nA-S2,0\n"):
        (tmp_path / "labels.csv").write_text(labels, encoding="utf-8")
        return build_cohort(protocol, base=tmp_path, site_key=key)

    return built


def test_each_file_is_a_case_or_an_exclusion(archive, protocol, build, tmp_path):
    archive("1.dcm")
    archive("2.dcm", study="S2", patient="P2")
    archive("3.dcm", study="S3", patient="P3", PixelData=None)
    archive("4.dcm", study="S4", patient="P4", PatientAge="009Y")
    (tmp_path / "archive/5.dcm").write_text("text")
    cohort = build(protocol(include=[{"attribute": "age", "at_least": 18}]))
    assert len(cohort.cases) == 3
    assert Counter(exclusion.reason for exclusion in cohort.exclusions) == {"rule:age": 1, "not_dicom": 1}
    assert sum(case.has_label for case in cohort.cases) == 2
    assert cohort.flow[0].files == 5
    assert cohort.flow[-1].files == 3
    assert cohort.notes["reference"] == {"rows": 2, "labelled": 2, "unmatched": 0}


def test_names_are_pseudonyms_and_belong_together(archive, protocol, build):
    archive("1.dcm")
    archive("2.dcm", instance="2")
    archive("3.dcm", study="S2")
    cohort = build(protocol())
    names = [name for case in cohort.cases for name in (case.unit, case.patient, case.study, case.series)]
    assert all(is_pseudonym(name) for name in names)
    assert len({case.unit for case in cohort.cases}) == 3
    assert len({case.study for case in cohort.cases}) == 2
    assert len({case.patient for case in cohort.cases}) == 1


def test_another_key_changes_names_and_neither_order_nor_digest(archive, protocol, build):
    for number in range(6):
        archive(f"{number}.dcm", patient=f"P{number % 3}", study=f"S{number}", StationName=f"ROOM{number % 2}")
    options = {"attributes": {"station": {"tag": "StationName"}}}
    first, second = build(protocol(**options)), build(protocol(**options), key=b"o" * 32)
    assert {case.unit for case in first.cases}.isdisjoint(case.unit for case in second.cases)
    assert [case.digest for case in first.cases] == [case.digest for case in second.cases]
    assert first.digest == second.digest
    assert {is_pseudonym(str(case.attributes["station"])) for case in first.cases} == {True}


def test_the_place_and_name_of_files_do_not_matter(archive, protocol, build, tmp_path):
    for number in range(4):
        archive(f"{number}.dcm", study=f"S{number}")
    before = build(protocol())
    (tmp_path / "archive/0.dcm").rename(tmp_path / "archive/z.dcm")
    assert build(protocol()).digest == before.digest


def test_one_attribute_changes_the_digest(archive, protocol, build):
    archive("1.dcm")
    before = build(protocol()).digest
    archive("1.dcm", PatientSex="M")
    assert build(protocol()).digest != before


def test_a_study_is_one_case_of_several_files(archive, protocol, build):
    archive("1.dcm", ViewPosition="PA")
    archive("2.dcm", instance="2", ViewPosition="AP")
    (case,) = build(protocol(unit="study")).cases
    assert len(case.files) == 2
    assert case.attributes["view_position"] is None  # the images disagree
    assert case.attributes["manufacturer"] == "Philips"


def test_a_series_is_one_case_and_an_image_without_one_too(archive, protocol, build):
    archive("1.dcm")
    archive("2.dcm", instance="2")
    archive("3.dcm", instance="3", SeriesInstanceUID=None)
    assert sorted(len(case.files) for case in build(protocol(unit="series")).cases) == [1, 2]


def test_a_unit_that_is_no_file_is_refused(archive, protocol, build):
    archive("1.dcm")
    with pytest.raises(DataError, match="lesion can't be made of files"):
        build(protocol(unit="lesion"))


def test_a_table_of_cases_needs_no_image(protocol, build, tmp_path):
    (tmp_path / "cases.csv").write_text(
        "case_id,patient_id,truth,site\nC1,P1,1,N\nC2,P1,0,S\nC3,,1,N\n", encoding="utf-8"
    )
    table = protocol(
        sources=[{"table": "cases.csv", "key": "case_id", "patient": "patient_id"}],
        reference={"table": "cases.csv", "key": "case_id", "label": "truth", "level": "image"},
    )
    cohort = build(table)
    assert [dict(case.attributes) for case in cohort.cases] in (
        [{"site": "N"}, {"site": "S"}],
        [{"site": "S"}, {"site": "N"}],
    )
    assert len({case.patient for case in cohort.cases}) == 1
    assert [exclusion.reason for exclusion in cohort.exclusions] == ["no_identity"]
    assert all(case.has_label for case in cohort.cases)


def test_nobody_eligible_says_why(archive, protocol, build, tmp_path):
    archive("1.dcm")
    (tmp_path / "archive/2.dcm").write_text("text")
    with pytest.raises(DataError, match=r"no eligible case among 2 files \(.*by the rule on modality: 1"):
        build(protocol(include=[{"attribute": "modality", "one_of": ["CT"]}]))


def test_a_folder_without_dicom_says_what_it_found(protocol, build, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/notes.txt").write_text("text")
    with pytest.raises(DataError, match=r"no eligible case among 1 files \(not dicom: 1\)"):
        build(protocol())


def test_an_identifying_tag_is_refused_before_a_file_is_read(protocol, build):
    with pytest.raises(DataError, match="can identify a person"):
        build(protocol(attributes={"name": {"tag": "PatientName"}}))
