from __future__ import annotations

from collections.abc import Callable

from validate.analyses.analysis import Evidence
from validate.analyses.missing import ANALYSIS, Options

Study = Callable[..., Evidence]


def test_failures_are_counted_by_reason_and_class(estimated_study: Study) -> None:
    evidence = estimated_study(failures=12, unlabelled=30)
    (finding,) = ANALYSIS.findings(evidence, Options())
    (row,) = finding.data["failures"]
    assert row["reason"] == "truncated"
    assert row["positives"] + row["negatives"] + row["no_label"] == row["total"] == finding.data["failed"] == 12
    assert finding.data["outputs"] + 12 == finding.data["rows"] == evidence.units.num_rows
    assert [(entry["status"], entry["rows"]) for entry in finding.data["labels"]] == [
        ("present", evidence.units.num_rows - 30),
        ("missing", 30),
        ("indeterminate", 0),
    ]


def test_excluded_best_and_worst_stand_side_by_side_with_the_locked_one_first(estimated_study: Study) -> None:
    evidence = estimated_study(failures=12)
    (finding,) = ANALYSIS.findings(evidence, Options())
    known = {estimate.id: estimate for estimate in evidence.estimates}
    for entry in finding.data["endpoints"]:
        assert [(rule["rule"], rule["locked"]) for rule in entry["rules"]] == [
            ("worst_case", True),
            ("best_case", False),
            ("excluded", False),
        ]
        worst, best, excluded = (known[rule["estimate"]].value for rule in entry["rules"])
        assert worst is not None and best is not None and excluded is not None
        assert worst < excluded < best


def test_the_statement_says_what_leaving_them_out_would_do(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(estimated_study(failures=12), Options())
    assert "There is no output for 12 of 573 images (2.1%)." in finding.statement
    assert "with them left out" in finding.statement
    assert "3 images have no usable reference label" in finding.statement


def test_nothing_missing_is_said_in_one_sentence(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(estimated_study(failures=0, unlabelled=0), Options())
    assert finding.statement == "There is an output for every image."
    assert finding.data["failures"] == []


def test_one_of_each_is_in_the_singular(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(estimated_study(failures=1, unlabelled=1), Options())
    assert "no output for 1 of 573 images" in finding.statement
    assert "1 image has no usable reference label: it is counted here" in finding.statement
