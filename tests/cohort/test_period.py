"""A date becomes the step of time that it lies in, and no more of it is kept."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.catalog import shipped_catalog
from validate.cohort.asked_tags import check_tags, hidden
from validate.cohort.index import Candidate
from validate.cohort.joined import with_attributes
from validate.cohort.period import period_of
from validate.errors import DataError, ProtocolError
from validate.protocol.cohort import AttributeSource
from validate.protocol.load import load_protocol
from validate.protocol.starter import starter


@pytest.mark.parametrize(
    ("value", "by", "step"),
    [
        ("20250314", "month", "2025-03"),
        ("2025-03-14", "quarter", "2025-Q1"),
        ("2025-03-14T08:30:00", "week", "2025-W11"),
        ("20250314083000.000000", "year", "2025"),  # as DICOM writes a date with a time
        (20250314.0, "month", "2025-03"),  # a column of numbers
        ("2024-12-30", "week", "2025-W01"),  # ISO 8601: the week of the Thursday
        ("2025-03", "month", "2025-03"),
        ("2025-Q1", "quarter", "2025-Q1"),
        ("2025-W53", "week", "2025-W53"),
        (2025.0, "year", "2025"),
        ("2025-05", "quarter", "2025-Q2"),
        ("2025-05", "week", None),
        ("2025-13", "month", None),
        ("2025-13-01", "month", None),
        ("2025-0314", "month", None),
        ("14.03.2025", "month", None),
        ("03/14/2025", "month", None),
        (2025.5, "year", None),
        ("", "year", None),
        (None, "year", None),
    ],
)
def test_steps_of_time(value: Any, by: Any, step: str | None) -> None:
    assert period_of(value, by) == step


@given(
    st.dates(date(1990, 1, 1), date(2099, 1, 1)),
    st.sampled_from(["week", "month", "quarter", "year"]),
    st.integers(1, 800),
)
def test_their_order_is_that_of_time(day: date, by: Any, later: int) -> None:
    now, then = (period_of(one.isoformat(), by) for one in (day, day + timedelta(days=later)))
    assert now is not None and then is not None and now <= then


def test_of_a_header_only_dates_of_the_examination_and_only_as_steps() -> None:
    check_tags(
        {"month": AttributeSource(tag="StudyDate", by="month"), "week": AttributeSource(tag="(0008,0022)", by="week")}
    )
    with pytest.raises(DataError, match=r"StudyDate can identify a person .* add by: month, or week, quarter or year"):
        check_tags({"day": AttributeSource(tag="StudyDate")})
    for tag in ("PatientBirthDate", "PatientName", "KVP"):
        with pytest.raises(DataError, match=f"by: year goes with a date of the examination .*; got {tag}"):
            check_tags({"born": AttributeSource(tag=tag, by="year")})


def test_the_day_itself_is_not_kept() -> None:
    sources = {"month": AttributeSource(tag="StudyDate", by="month")}
    told = [
        Candidate(Path("a"), "a", "d", attributes={"month": text, "sex": "F"}) for text in ("20250314", "no date", None)
    ]
    assert [dict(one.attributes) for one in hidden(told, sources, b"k" * 32)] == [
        {"month": "2025-03", "sex": "F"},
        {"month": None, "sex": "F"},
        {"month": None, "sex": "F"},
    ]


def test_of_a_table_and_of_another_attribute(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("accession_number,seen\n1,2025-01-31\n2,20250201\n3,\n")
    sources = {
        "month": AttributeSource(table="visits.csv", key="accession_number", column="seen", by="month"),
        "quarter": AttributeSource(of="day", by="quarter"),
    }
    rows: Any = [{"day": "2025-06-30"}, {"day": "2025-07-01"}, {"day": None}]
    with_attributes(rows, [{"accession_number": str(n)} for n in (1, 2, 3)], sources, tmp_path)
    assert [row["month"] for row in rows] == ["2025-01", "2025-02", None]
    assert [row["quarter"] for row in rows] == ["2025-Q2", "2025-Q3", None]
    with pytest.raises(DataError, match=r"cohort\.attributes\.quarter: day: 1 of 3 cells are no date"):
        with_attributes(
            [{"day": "31.1.2025"}, {"day": None}, {"day": "2025-01-31"}],
            [{}] * 3,
            {"quarter": sources["quarter"]},
            tmp_path,
        )
    (tmp_path / "visits.csv").write_text("accession_number,seen\n1,31.1.2025\n2,2025-02-01\n")
    with pytest.raises(
        DataError, match=r"column seen: 1 of 2 cells are no date \(first in row 1\); expected 2025-03-14"
    ):
        with_attributes([{"day": None}] * 2, [{"accession_number": "1"}, {"accession_number": "2"}], sources, tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("age_band: {of: age, bands: [18, 40], by: month}", "age_band.by: stands beside bands"),
        ("age_band: {of: age, by: day}", "age_band.by: got 'day', expected 'week', 'month', 'quarter' or 'year'"),
        ("age_band: {by: month}", r"expected one form: {table, key, column}, {tag}, {of, bands} or {of, by}"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        starter("classification", "dicom").replace("age_band: {of: age, bands: [18, 40, 65, 120]}", line, 1)
    )
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, catalog=shipped_catalog())
    assert any(message in problem for problem in caught.value.problems)
