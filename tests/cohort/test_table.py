"""Tables are read in one way or refused, and no message shows a key."""

from __future__ import annotations

import pandas as pd
import pytest

from validate.cohort.table import key_text, read_table
from validate.errors import DataError


def read(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, what="test table")


def test_a_plain_table_is_read(tmp_path):
    table = read(tmp_path, 'key,site\nA1,"North, old"\nA2,\n')
    assert table.column("site") == ["North, old", None]
    assert table.by_key("key") == {"A1": 0, "A2": 1}


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfkey,x\na,1\n", b"key;x\na;1\n", b"key\tx\r\na\t1\r\n", b"key,x\na,1\n\n\n"]
)
def test_marks_and_separators_of_other_programs_are_known(tmp_path, content):
    table = read(tmp_path, content)
    assert table.column("x") == ["1"]
    assert table.by_key("key") == {"a": 0}


@pytest.mark.parametrize("empty", ["", " ", "NA", "n/a", "NaN", "null"])
def test_empty_is_empty_in_every_spelling(tmp_path, empty):
    assert read(tmp_path, f"key,x\na,{empty}\n").column("x") == [None]


def test_none_is_a_word(tmp_path):
    assert read(tmp_path, "key,contrast\na,none\n").column("contrast") == ["none"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("key;score\na;0,5\nb;0,75\nc;1\n", "decimal comma"),
        ("key,x\na,1,2\n", "has 3 fields, the header has 2"),
        ("key,x,x\na,1,2\n", "several columns called 'x'"),
        ("key,\na,1\n", "a column has no name"),
        ("key,x\n", "no rows"),
        ("", "no name"),
        ('key,x\na,"open\n', "is not CSV"),
        (b"key,x\na,\xe9\n", "not UTF-8"),
    ],
)
def test_what_has_two_readings_is_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_repeated_or_empty_key_is_refused_by_row_number(tmp_path):
    with pytest.raises(DataError, match="rows 1 and 3 have the same key") as caught:
        read(tmp_path, "key,x\nSECRET,1\nB,2\n SECRET ,3\n").by_key("key")
    assert "SECRET" not in str(caught.value)
    with pytest.raises(DataError, match="row 2: key is empty"):
        read(tmp_path, "key,x\nA,1\n,2\n").by_key("key")


def test_a_missing_column_names_those_there_are(tmp_path):
    with pytest.raises(DataError, match="no column 'keys'; its columns are 'key', 'x'"):
        read(tmp_path, "key,x\na,1\n").column("keys")


@pytest.mark.parametrize("name", ["t.xlsx", "t"])
def test_an_unknown_kind_of_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"\.csv, \.parquet or \.json"):
        read(tmp_path, "key\n", name)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_table(tmp_path / "gone.csv", what="test table")


def test_parquet_and_json_give_the_same_as_csv(tmp_path):
    frame = pd.DataFrame({"key": [1, 2], "site": ["N", None], "value": [0.5, float("nan")]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", what="test table")
    assert table.by_key("key") == {"1": 0, "2": 1}
    assert table.column("site") == ["N", None]
    assert table.column("value") == [0.5, None]
    rows = read(tmp_path, '[{"key": 1, "site": "N"}, {"key": 2}]', "t.json")
    assert rows.column("site") == ["N", None]


@pytest.mark.parametrize(
    ("content", "name"), [("PAR1 no", "t.parquet"), ("{", "t.json"), ('{"a": 1}', "t.json"), ("[" * 99999, "t.json")]
)
def test_a_damaged_table_is_refused(tmp_path, content, name):
    with pytest.raises(DataError):
        read(tmp_path, content, name)


@pytest.mark.parametrize(
    ("value", "text"), [(17, "17"), (17.0, "17"), ("17", "17"), (" x ", "x"), ("007", "007"), ("", None), (None, None)]
)
def test_keys_are_texts_without_blanks(value, text):
    assert key_text(value) == text
