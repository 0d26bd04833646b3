"""Kaplan–Meier, log-rank and Harrell's C of a few patients, as by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validate.evidence.recount_survival import Patient, concordance, curve, everybody, log_rank, still_without
from validate.evidence.recount_table import Table
from validate.protocol.survival import SurvivalOptions
from validate.results.follow_up import followed

# time, event, score, flagged: 1 has it, 2 leaves, 3 has it, 4 has it, 5 stays without
PATIENTS = [
    Patient(0.9, 1.0, True, True),
    Patient(0.2, 2.0, False, False),
    Patient(0.8, 3.0, True, True),
    Patient(0.4, 4.0, True, False),
    Patient(0.4, 5.0, False, False),
]


def test_the_curve_falls_by_those_at_risk() -> None:
    steps = curve(PATIENTS)
    assert steps == [
        (1.0, pytest.approx(4 / 5)),
        (3.0, pytest.approx(4 / 5 * 2 / 3)),
        (4.0, pytest.approx(4 / 5 * 2 / 3 / 2)),
    ]
    assert still_without(steps, 0.5) == 1.0
    assert still_without(steps, 3.5) == pytest.approx(8 / 15)


def test_the_log_rank_sums_are_as_by_hand() -> None:
    observed, expected, variance = log_rank(PATIENTS)
    assert observed == 2
    assert expected == pytest.approx(2 / 5 + 1 / 3 + 0)  # of 5 two are flagged, of 3 one, of 2 none
    assert variance == pytest.approx(2 / 5 * 3 / 5 + 1 / 3 * 2 / 3)


def test_a_pair_counts_where_its_order_is_known_and_equal_scores_are_halves() -> None:
    # 0.9 before the four others: 4; 0.8 before 0.4 and 0.4: 2; 0.4 before 0.4: a half of 1
    assert concordance(PATIENTS) == pytest.approx(6.5 / 7)
    assert concordance([Patient(0.1, 1.0, False, None)]) is None


def test_an_event_and_a_leaving_at_one_time_are_a_pair_and_two_events_are_none() -> None:
    both = [Patient(0.9, 1.0, True, None), Patient(0.5, 1.0, True, None), Patient(0.1, 1.0, False, None)]
    assert concordance(both) == 1.0


@pytest.mark.parametrize(
    ("occurred", "events"),
    [(True, ["yes", "no", None]), (True, [True, False, None]), ("yes", [" yes ", "YES", None]), (1, [1.0, 0.0, None]), ("1", [1, 0, None])],
)  # fmt: skip
def test_who_had_the_event_is_read_as_the_program_reads_it(tmp_path: Path, occurred: Any, events: list[Any]) -> None:
    cases = pa.table(
        {"unit": ["U0", "U1", "U2"], "patient": ["P0", "P1", "P2"], "months": [3.0, 4.0, 5.0], "died": events}
    )
    (tmp_path / "cohort").mkdir()
    pq.write_table(cases, tmp_path / "cohort/cases.parquet")
    rows: list[dict[str, Any]] = [
        {
            "unit": f"U{n}",
            "patient": f"P{n}",
            "model": "a",
            "pass": "clean",
            "target": target,
            "status": "ok",
            "score": score,
        }
        for target, score in (("effusion", 0.9), ("nodule", 0.2))
        for n in range(3)
    ]
    asked = {"of": "death", "unit": "months", "at": [2.0], "time": "months", "event": "died", "occurred": occurred}
    protocol = {"task": "multilabel", "reference": {"headline": "nodule"}, "analyses": [{"survival": asked}]}
    told = everybody(Table(tmp_path, (), rows, protocol, 0, {"a": {}}), "a")
    assert [(one["time"], one["happened"]) for one in told] == [(3.0, True), (4.0, False), (None, None)]
    assert [one["score"] for one in told] == [0.2] * 3  # of several questions that of the headline
    assert followed(SurvivalOptions(**asked), cases) == {"P0": (3.0, True), "P1": (4.0, False)}
