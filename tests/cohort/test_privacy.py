"""Names are keyed, the key stays at the site, and no identifying element becomes an attribute."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from validate.cohort.asked_tags import check_tags
from validate.cohort.identifiers import PRIVATE, found_in, identifying, kind_of, sought_tags
from validate.cohort.privacy import is_pseudonym, pseudonym, site_key, write_lookup
from validate.errors import DataError, MachineError
from validate.imaging.header import elements_of
from validate.protocol.cohort import AttributeSource


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path):
    key = site_key(tmp_path / "home")
    assert len(key) == 32
    assert site_key(tmp_path / "home") == key
    assert stat.S_IMODE((tmp_path / "home/site.key").stat().st_mode) == 0o600
    assert site_key(tmp_path / "elsewhere") != key


def test_runs_that_start_together_share_one_key(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(site_key, [tmp_path / "home"] * 8, chunksize=1)
    assert len(set(keys)) == 1
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["site.key"]


def test_a_damaged_key_is_not_replaced(tmp_path):
    (tmp_path / "site.key").write_bytes(b"short")
    with pytest.raises(MachineError, match="5 bytes, expected 32"):
        site_key(tmp_path)
    assert (tmp_path / "site.key").read_bytes() == b"short"


def test_a_place_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="VALIDATE_HOME"):
        site_key(tmp_path / "file/home")


def test_a_pseudonym_depends_on_key_kind_and_value():
    names = {
        pseudonym(key, kind, value) for key in (b"a", b"b") for kind in ("patient", "study") for value in ("1", "2")
    }
    assert len(names) == 8
    # origin: printf 'patient\x1f1' | openssl dgst -sha256 -hmac a -binary | head -c 10 | base32
    assert pseudonym(b"a", "patient", "1") == PSEUDONYM_OF_ONE


PSEUDONYM_OF_ONE = "P-AUE3XUOWERWJBZPY"


@given(st.text(max_size=30))
def test_a_pseudonym_has_its_form_whatever_the_value(value):
    assert is_pseudonym(pseudonym(b"k", "patient", value))
    assert not is_pseudonym(value)


def test_the_lookup_is_for_the_owner_only_and_beside_the_key(tmp_path):
    path = write_lookup("0123456789abcdef0123", {"I-1": "/archive/a.dcm"}, folder=tmp_path)
    assert path == Path(tmp_path, "lookup/0123456789abcdef.json")
    assert json.loads(path.read_text()) == {"I-1": "/archive/a.dcm"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_every_identifying_keyword_is_one_of_dicom():
    newer = [keyword for keyword in identifying() if tag_for_keyword(keyword) is None]
    assert len(newer) < 30  # editions of the standard that the library does not know yet
    assert len(identifying()) > 600
    assert set(identifying().values()) == {"person", "date", "institution", "device", "uid", "text", "characteristic"}


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("PatientName", "person"),
        ("(0010,0020)", "person"),
        ("StationName", "device"),
        ("InstitutionName", "institution"),
        ("StudyDate", "date"),
        ("SOPInstanceUID", "uid"),
        ("(0019,1001)", "text"),
        ("KVP", None),
        ("(0018,0060)", None),
    ],
)
def test_a_tag_is_known_by_what_it_identifies(tag, kind):
    assert kind_of(tag) == kind


@pytest.mark.parametrize(
    "tag", ["PatientName", "(0010,0010)", "StudyDate", "AccessionNumber", "SeriesDescription", "(0019,1001)"]
)
def test_what_identifies_a_person_becomes_no_attribute(tag):
    with pytest.raises(DataError, match="can identify a person"):
        check_tags({"x": AttributeSource(tag=tag)})


def test_scanners_and_plain_measurements_may_be_attributes():
    check_tags(
        {
            "a": AttributeSource(tag="StationName"),
            "b": AttributeSource(tag="KVP"),
            "c": AttributeSource(of="age", bands=(0, 1)),
        }
    )


def test_identifiers_are_found_at_depth_and_private_ones_too():
    inner, outer = Dataset(), Dataset()
    inner.AccessionNumber = "A"
    inner.PatientName = ""
    outer.RequestAttributesSequence = Sequence([inner])
    outer.add_new(0x00191001, "LO", "x")
    outer.KVP = 100
    assert found_in(elements_of(outer, sought_tags())) == {"RequestAttributesSequence", "AccessionNumber", PRIVATE}
