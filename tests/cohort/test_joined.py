"""Attributes from tables and bands; joins say what did not match."""

from __future__ import annotations

import pytest

from validate.cohort.joined import numbers_if_all, with_attributes
from validate.errors import DataError
from validate.protocol.cohort import AttributeSource

KEYS = [{"accession_number": "A1"}, {"accession_number": "A2"}, {}]


def sources(**named):
    return {name: AttributeSource.model_validate(options) for name, options in named.items()}


def joined(tmp_path, content, rows=None):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    rows = rows or [{}, {}, {}]
    how = with_attributes(
        rows, KEYS, sources(site={"table": "t.csv", "key": "accession_number", "column": "site"}), tmp_path
    )
    return [row["site"] for row in rows], how


def test_a_column_is_joined_by_key_and_counted(tmp_path):
    values, how = joined(tmp_path, "accession_number,site\nA1,North\nA9,South\n")
    assert values == ["North", None, None]
    assert how == {"site": {"rows": 2, "rows_unused": 1, "images_without": 2}}


def test_a_table_that_matches_nothing_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no accession_number matches any image"):
        joined(tmp_path, "accession_number,site\nB1,North\n")


def test_bands_of_a_joined_number(tmp_path):
    (tmp_path / "t.csv").write_text("accession_number,dose\nA1,3\nA2,30\n", encoding="utf-8")
    rows = [{}, {}, {}]
    named = sources(
        band={"of": "dose", "bands": [0, 10, 100]}, dose={"table": "t.csv", "key": "accession_number", "column": "dose"}
    )
    with_attributes(rows, KEYS, named, tmp_path)
    assert [row["band"] for row in rows] == ["0–9", "10–100", None]


def test_bands_of_nothing_are_an_error(tmp_path):
    with pytest.raises(DataError, match="no attribute 'dosis'"):
        with_attributes([{"dose": 1.0}], [{}], sources(band={"of": "dosis", "bands": [0, 1]}), tmp_path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2.5", None], [1.0, 2.5, None]),
        (["007", "008"], ["007", "008"]),
        (["0", "0.5", "-1"], [0.0, 0.5, -1.0]),
        (["1", "x"], ["1", "x"]),
        (["inf", "1"], ["inf", "1"]),
        ([True, False], ["True", "False"]),
        ([1, 2], [1.0, 2.0]),
    ],
)
def test_a_column_is_numbers_only_where_all_are(values, expected):
    assert numbers_if_all(values) == expected
