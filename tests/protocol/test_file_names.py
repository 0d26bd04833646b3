"""File names that say whose a file is: read in one way or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.protocol.file_names import fields, problem, read_name, written_name


def test_what_is_in_braces_is_read_from_the_name() -> None:
    assert read_name("{patient}/{phase}.nii.gz", "P1/ED.nii.gz") == {"patient": "P1", "phase": "ED"}
    assert read_name("{patient}_{phase}.nii.gz", "P1_ED.nii") is None
    assert fields("{a}/{b}_{a}.nii") == ("a", "b")


def test_a_field_that_stands_twice_must_say_the_same() -> None:
    assert read_name("{patient}/{patient}_seg.nii", "P1/P1_seg.nii") == {"patient": "P1"}
    assert read_name("{patient}/{patient}_seg.nii", "P1/P2_seg.nii") is None


def test_a_name_that_can_be_read_in_two_ways_is_not_read() -> None:
    assert read_name("{patient}_{phase}.nii", "P_1_ED.nii") is None


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("mask.nii", "what tells cases apart in braces"),
        ("{a}{b}.nii", "nothing stands between two fields"),
        ("{a b}.nii", "what tells cases apart"),
        ("{a}_{b c}.nii", "one word of letters"),
        ("../{a}.nii", "stays in it"),
        ("/{a}.nii", "stays in it"),
    ],
)
def test_names_that_can_not_tell_cases_apart_are_refused(names: str, words: str) -> None:
    assert words in str(problem(names))


def test_a_case_without_a_field_has_no_name() -> None:
    assert written_name("{patient}_{phase}.nii", {"patient": "P1"}) is None
    assert written_name("{patient}_{frame}.nii", {"patient": "P1", "frame": 3.0}) == "P1_3.nii"


@given(st.from_regex(r"[A-Za-z0-9.-]{1,8}", fullmatch=True), st.from_regex(r"[A-Za-z0-9.-]{1,8}", fullmatch=True))
def test_what_is_written_is_read_back(patient: str, phase: str) -> None:
    name = written_name("{patient}_{phase}.nii.gz", {"patient": patient, "phase": phase})
    assert name is not None
    assert read_name("{patient}_{phase}.nii.gz", name) == {"patient": patient, "phase": phase}
