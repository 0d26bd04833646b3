"""A cohort on disk: the same bytes for the same cohort, read back whole, and no identifier in any of them."""

from __future__ import annotations

import dataclasses
import json
import warnings

import pyarrow.parquet as pq
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from validate.cohort.build import build_cohort
from validate.cohort.case import Case, Cohort
from validate.cohort.identifiers import identifying
from validate.cohort.manifest import cohort_digest, read_cohort, write_cohort
from validate.errors import DataError, EvidenceError

TEXT = {"LO", "SH", "PN", "LT", "ST", "UT", "AE", "CS", "UC"}


@pytest.fixture
def cohort(archive, protocol, tmp_path):
    archive("1.dcm")
    archive("2.dcm", study="S2", patient="P2", PatientAge=None)
    (tmp_path / "archive/3.dcm").write_text("text")
    (tmp_path / "labels.csv").write_text("accession_number,opacity\nA-S1,1\n", encoding="utf-8")
    return build_cohort(protocol(), base=tmp_path, site_key=b"k" * 32)


def test_what_was_written_is_read_back(cohort, tmp_path):
    write_cohort(cohort, tmp_path / "run")
    found = read_cohort(tmp_path / "run")
    assert found == cohort
    assert all(case.files == () and case.keys == {} for case in found.cases)


def test_the_same_cohort_has_the_same_bytes(cohort, tmp_path):
    for name in ("a", "b"):
        write_cohort(cohort, tmp_path / name)
    for name in ("cases.parquet", "exclusions.parquet", "flow.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_changed_manifest_is_noticed(cohort, tmp_path):
    write_cohort(cohort, tmp_path / "run")
    flow = json.loads((tmp_path / "run/flow.json").read_text())
    flow["cohort_digest"] = "0" * 64
    (tmp_path / "run/flow.json").write_text(json.dumps(flow))
    with pytest.raises(EvidenceError, match="it was changed"):
        read_cohort(tmp_path / "run")


@pytest.mark.parametrize("name", ["cases.parquet", "exclusions.parquet", "flow.json"])
def test_a_missing_or_damaged_part_is_said(cohort, tmp_path, name):
    write_cohort(cohort, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(b"no")
    with pytest.raises(EvidenceError, match="not a cohort"):
        read_cohort(tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    with pytest.raises(EvidenceError, match="not a cohort"):
        read_cohort(tmp_path / "run")


def test_an_attribute_may_not_take_a_columns_name(tmp_path):
    case = Case("U", "P", "S", "E", "d", {"patient": "x"}, has_label=True)
    with pytest.raises(DataError, match="called 'patient'"):
        write_cohort(Cohort((case,), (), (), cohort_digest([case])), tmp_path)


def test_the_digest_rests_on_who_belongs_together():
    cases = [Case(str(n), p, "S", "E", "d", {}, has_label=True) for n, p in enumerate("AAB")]
    renamed = [
        dataclasses.replace(case, patient={"A": "P-AAAAAAAAAAAAAAAA", "B": "P-BBBBBBBBBBBBBBBB"}[case.patient])
        for case in cases
    ]
    other = [
        dataclasses.replace(case, patient=f"P-{'C' * 15}{letter}") for case, letter in zip(cases, "ABB", strict=True)
    ]
    assert cohort_digest(renamed) != cohort_digest(other)
    swapped = [dataclasses.replace(c, patient=c.patient.translate(str.maketrans("AB", "BA"))) for c in renamed]
    assert cohort_digest(swapped) == cohort_digest(renamed)


def test_no_identifier_of_the_samples_is_in_what_is_written(archive, protocol, tmp_path):
    """The canary: known words in every identifying element, in names of files and folders and in the join keys."""
    secrets = []
    for number in range(4):
        path = archive(
            f"CANARYDIR{number}/CANARYFILE{number}.dcm", patient=f"CANARYMRN{number}", study=f"CANARY{number}"
        )
        secrets += [f"CANARYDIR{number}", f"CANARYFILE{number}", f"CANARYMRN{number}", f"A-CANARY{number}"]
        secrets += _poison(path, number)
    (tmp_path / "archive/CANARYTEXT.dcm").write_text("CANARYINSIDE")
    rows = "".join(f"A-CANARY{number},{number % 2},{'NS'[number % 2]}\n" for number in range(4))
    (tmp_path / "labels.csv").write_text(f"accession_number,opacity,site\n{rows}", encoding="utf-8")
    study = protocol(
        attributes={
            "site": {"table": "labels.csv", "key": "accession_number", "column": "site"},
            "room": {"tag": "StationName"},
            "house": {"tag": "InstitutionName"},
        },
        exclude=[{"attribute": "site", "one_of": ["S"]}],
    )
    write_cohort(build_cohort(study, base=tmp_path, site_key=b"k" * 32), tmp_path / "run")
    written = "".join(
        str(pq.read_table(tmp_path / "run" / name).to_pylist()) for name in ("cases.parquet", "exclusions.parquet")
    )
    written += (tmp_path / "run/flow.json").read_text()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert len(secrets) > 300
    assert "CANARY" not in written.upper()
    assert [secret for secret in secrets if secret in written or secret.encode() in raw] == []


def _poison(path, number) -> list[str]:
    """A word of its own in each identifying text element, at the top and in a sequence; UIDs and dates as they are."""
    import pydicom

    dataset = pydicom.dcmread(path)
    words = [str(dataset.SOPInstanceUID), str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID)]
    nested = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a canary need not keep to the alphabet of its element
        for place, (keyword, kind) in enumerate(sorted(identifying().items())):
            if tag_for_keyword(keyword) is None:  # newer than the library
                continue
            if kind == "uid" or keyword in {"PatientID", "AccessionNumber"} or dictionary_VR(keyword) not in TEXT:
                continue
            word = f"CANARY{number}X{place}"
            within_meta = tag_for_keyword(keyword) >> 16 == 2
            for target in (dataset.file_meta,) if within_meta else (dataset, nested):
                target.add_new(tag_for_keyword(keyword), dictionary_VR(keyword), word)
            words.append(word)
        # a careless technician types the number where a model belongs
        dataset.ManufacturerModelName = f"{dataset.PatientID} model"
        dataset.RequestAttributesSequence = pydicom.sequence.Sequence([nested])
        dataset.save_as(path, enforce_file_format=True)
    return words
