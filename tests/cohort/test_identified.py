"""Who was identified and is not in the study: by site, and, once labels are read, by class."""

from __future__ import annotations

from collections import Counter

import pytest

from validate.cohort.build import build_cohort
from validate.cohort.identified import class_words, identified_units
from validate.cohort.privacy import pseudonym

KEY = b"k" * 32


@pytest.fixture
def identified(tmp_path):
    def made(protocol, labels):
        (tmp_path / "labels.csv").write_text(labels, encoding="utf-8")
        cohort = build_cohort(protocol, base=tmp_path, site_key=KEY)
        return cohort, identified_units(cohort, protocol, base=tmp_path, site_key=KEY)

    return made


def test_who_left_has_the_site_of_its_header_and_the_class_of_its_label(archive, protocol, identified):
    archive("1.dcm", InstitutionName="North")
    archive("2.dcm", study="S2", patient="P2", InstitutionName="South", PatientAge="009Y")
    archive("3.dcm", study="S3", patient="P3", PatientAge="010Y")
    archive("4.dcm", study="S4", patient="P4", PatientAge="011Y", InstitutionName="North")
    archive("copy.dcm", InstitutionName="North")
    rule = {"include": [{"attribute": "age", "at_least": 18}]}
    cohort, table = identified(protocol(**rule), "accession_number,opacity\nA-S1,1\nA-S2,0\nA-S4,1\n")
    assert [case.has_label for case in cohort.cases] == [True]
    rows = table.to_pylist()
    assert [row["in_study"] for row in rows] == [True, False, False, False]  # a copy is no unit of its own
    north, south = (pseudonym(KEY, "institution", name) for name in ("North", "South"))
    assert rows[0]["site"] == north
    assert rows[0]["reference"] is None
    left = Counter((row["site"], row["reference"]) for row in rows[1:])
    assert left == {(south, "negative"): 1, (None, "no reference"): 1, (north, "positive"): 1}


def test_labels_of_those_who_left_need_not_exist(archive, protocol, identified):
    archive("1.dcm")
    archive("2.dcm", study="S2", patient="P2", PatientAge="009Y")
    _, table = identified(
        protocol(include=[{"attribute": "age", "at_least": 18}]), "accession_number,opacity\nA-S1,1\n"
    )
    assert table["reference"].to_pylist() == [None, "no reference"]


def test_a_study_under_two_patients_is_one_that_was_identified(archive, protocol, identified):
    archive("1.dcm")
    archive("2.dcm", study="S2", instance="7", patient="P2")
    archive("3.dcm", study="S2", instance="8", patient="P3")
    cohort, table = identified(protocol(unit="study"), "accession_number,opacity\nA-S1,1\nA-S2,0\n")
    assert len(cohort.left) == 1
    assert table["reference"].to_pylist() == [None, "negative"]


def test_a_class_in_words(protocol):
    said = class_words(protocol(), ["present", "present", "missing", "indeterminate"], [1.0, 0.0, None, None])
    assert said == ["positive", "negative", "no reference", "indeterminate"]
