"""The quick way to a header's values gives what pydicom's own gives."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from validate.cohort.attributes import harvested, wanted_tags
from validate.imaging.header import read_header
from validate.imaging.header_values import HeaderValues
from validate.imaging.volume import DecodeFailure

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"


class Plain:
    """Every element as pydicom gives it."""

    def __init__(self, dataset):
        self.get, self.element, self.frames = dataset.get, dataset.get, None
        meta = getattr(dataset, "file_meta", {})
        self.transfer_syntax = str(meta.get("TransferSyntaxUID") or "") or None
        self.storage_class = str(meta.get("MediaStorageSOPClassUID") or "") or None


def test_attributes_of_every_shipped_file_are_the_same():
    compared = 0
    for path in sorted(SHIPPED.rglob("*")):
        try:
            dataset = read_header(path, wanted_tags()).dataset
        except DecodeFailure:
            continue
        quick = harvested(HeaderValues(dataset))
        assert quick == harvested(Plain(dataset)), path.name  # oracle: every element through pydicom
        compared += 1
    assert compared > 100


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_numbers_and_lists_are_read_in_any_encoding(make, save, syntax):
    dataset = make(None, Rows=300, SoftwareVersions=["A ", "B"], KVP="81.5", PatientName="Müller^Eva")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    values = HeaderValues(read_header(save(dataset, syntax=syntax)).dataset)
    assert values.get("Rows") == 300
    assert values.get("SoftwareVersions") == ["A", "B"]
    assert values.get("KVP") == "81.5"
    assert str(values.get("PatientName")) == "Müller^Eva"
    assert values.get("Columns") is None
    assert values.get("Modality") == "CR"


def test_an_element_of_a_wrong_kind_is_left_to_pydicom(make, save):
    dataset = make(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.add_new("Rows", "US", [1, 2])
    assert list(HeaderValues(read_header(save(dataset)).dataset).get("Rows")) == [1, 2]


def test_a_word_that_is_no_keyword_is_our_mistake(make, save):
    with pytest.raises(KeyError):
        HeaderValues(read_header(save(make(None))).dataset).get("Modalitty")
