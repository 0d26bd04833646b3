"""What a header says becomes attributes; what it does not say is missing with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from validate.cohort import attributes
from validate.cohort.attributes import HARVESTED, KEYWORDS, band_of
from validate.imaging.header_values import HeaderValues


def harvested(dataset):
    return attributes.harvested(HeaderValues(dataset))


def is_image(dataset):
    return attributes.is_image(HeaderValues(dataset))


def tag_value(dataset, tag):
    return attributes.tag_value(HeaderValues(dataset), tag)


def test_a_whole_header_is_harvested(header):
    values, missing = harvested(header(KVP="120", SoftwareVersions=["A1", "B2"], PixelSpacing=[0.2, 0.1]))
    assert set(values) == set(HARVESTED)
    assert values["age"] == 50.0
    assert values["kvp"] == 120.0
    assert values["software"] == "A1\\B2"
    assert values["pixel_spacing"] == 0.2
    assert values["transfer_syntax"] == "Explicit VR Little Endian"
    assert missing["kernel"] == "empty"
    assert "age" not in missing


@pytest.mark.parametrize(("raw", "sex"), [("M", "M"), ("f", "F"), ("O", "O"), ("W", None), ("MALE", None), ("", None)])
def test_a_sex_is_m_f_or_o_or_missing(header, raw, sex):
    dataset = header(PatientSex=None)
    dataset.add_new("PatientSex", "LO", raw)
    values, missing = harvested(dataset)
    assert values["sex"] == sex
    assert ("sex" in missing) is (sex is None)


@pytest.mark.parametrize("keyword", ["ManufacturerModelName", "ConvolutionKernel", "SoftwareVersions"])
@pytest.mark.parametrize("secret", ["MRN-77120", "Doe^Jane^Q", "Jane Q Doe", "doe jane q"])
def test_a_text_that_names_the_patient_is_not_taken(header, keyword, secret):
    dataset = header(
        patient="MRN-77120", PatientName="Doe^Jane^Q", OtherPatientIDs=["Jane Q Doe"], **{keyword: f"X {secret}"}
    )
    values, missing = harvested(dataset)
    name = {"ManufacturerModelName": "model", "ConvolutionKernel": "kernel", "SoftwareVersions": "software"}[keyword]
    assert values[name] is None
    assert missing[name] == "held an identifier"


def test_a_surname_that_is_also_a_maker_harms_nobody(header):
    values, _ = harvested(header(PatientName="Philips^Anna", Manufacturer="Philips Medical Systems"))
    assert values["manufacturer"] == "Philips"


@pytest.mark.parametrize(
    ("storage", "image"),
    [
        ("1.2.840.10008.5.1.4.1.1.1", True),  # CR
        ("1.2.840.10008.5.1.4.1.1.4", True),  # MR
        ("1.2.840.10008.5.1.4.1.1.481.1", True),  # RT image
        ("1.2.840.10008.5.1.4.1.1.13.1.3", True),  # tomosynthesis
        ("1.2.3.4", True),  # unknown: not to be lost
        (None, True),
        ("1.2.840.10008.5.1.4.1.1.88.33", False),  # structured report
        ("1.2.840.10008.5.1.4.1.1.11.1", False),  # presentation state
        ("1.2.840.10008.5.1.4.1.1.66.4", False),  # segmentation
        ("1.2.840.10008.5.1.4.1.1.481.5", False),  # plan
        ("1.2.840.10008.5.1.4.1.1.104.1", False),  # PDF
        ("1.2.840.10008.1.3.10", False),  # DICOMDIR
    ],
)
def test_objects_that_are_no_image_are_known_by_their_class(header, storage, image):
    assert is_image(header(SOPClassUID=UID(storage) if storage else None)) is image


def test_every_keyword_that_is_read_is_one():
    assert [keyword for keyword in KEYWORDS if tag_for_keyword(keyword) is None] == []


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (17.9, None),
        (18, "18–39"),
        (39.5, "18–39"),
        (40, "40–64"),
        (65, "65–120"),
        (120, "65–120"),
        (121, None),
        (None, None),
        ("40", None),
    ],
)
def test_a_band_holds_its_lower_bound_and_the_last_both(value, level):
    assert band_of(value, (18, 40, 65, 120)) == level


def test_bounds_that_are_no_whole_numbers_say_that_they_stay_below():
    assert band_of(0.7, (0.5, 1.5, 2.5)) == "0.5–<1.5"


@given(st.floats(0, 100), st.lists(st.floats(0, 100), min_size=2, max_size=6, unique=True))
def test_every_number_within_the_bounds_has_one_band(value, bounds):
    bands = tuple(sorted(bounds))
    assert (band_of(value, bands) is not None) is (bands[0] <= value <= bands[-1])


def test_a_tag_gives_number_text_or_nothing(header):
    dataset = header(KVP="81.5")
    assert tag_value(dataset, 0x00180060) == 81.5
    assert tag_value(dataset, 0x00080060) == "CR"
    assert tag_value(dataset, 0x00181160) is None
    assert tag_value(dataset, 0x7FE00010) is None
