"""One name per maker, however it is spelt."""

from __future__ import annotations

import pytest

from validate.cohort.vendors import manufacturer


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("GE MEDICAL SYSTEMS", "GE"),
        ("GE Healthcare", "GE"),
        ("G.E. Medical Systems", "GE"),
        ('"GE Healthcare"', "GE"),
        ("GEMS", "GE"),
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers AG", "Siemens"),
        ("Philips Medical Systems", "Philips"),
        ("Philips-Medical", "Philips"),
        ("FUJIFILM Corporation", "Fujifilm"),
        ("FUJI PHOTO FILM Co., ltd.", "Fujifilm"),
        ("CANON_MEC", "Canon"),
        ("TOSHIBA_MEC", "Canon"),
        ("Carestream Health", "Carestream"),
        ("Agfa-Gevaert", "Agfa"),
        ("  Acme   X-ray ", "Acme X-ray"),
        ("General Imaging Genius", "General Imaging Genius"),  # ge within a word is no GE
        ("", None),
        ("   ", None),
        (None, None),
    ],
)
def test_spellings_become_one_name_and_the_unknown_stays_itself(raw, name):
    assert manufacturer(raw) == name


def test_a_site_can_bring_its_own_table(tmp_path):
    table = tmp_path / "vendors.csv"
    table.write_text("spelling,manufacturer\nacme,Acme\nacme toys,Toys\n", encoding="utf-8")
    assert manufacturer("ACME Inc.", tables=(str(table),)) == "Acme"
    assert manufacturer("Acme Toys Ltd", tables=(str(table),)) == "Toys"
