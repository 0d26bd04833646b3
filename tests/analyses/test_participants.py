from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.participants import ANALYSIS, Options
from validate.cohort.case import FlowStep
from validate.errors import EvidenceError

Simulate = Callable[..., Evidence]


def with_flow(evidence: Evidence, **wrong: int) -> Evidence:
    """The flow of a cohort that found 9 files too many: 4 no DICOM, 5 lateral views."""
    units = evidence.units
    n, patients = units.num_rows, len(set(units["patient"].to_pylist()))
    present = [status == "present" for status in units["label_status"].to_pylist()]
    kept = [p for p, keep in zip(units["patient"].to_pylist(), present, strict=True) if keep]
    counts = {
        "found": n + 9,
        "not_dicom": 4,
        "view": 5,
        "eligible": n,
        "no_label": n - len(kept),
        "labelled": len(kept),
    }
    counts |= wrong
    people = {"eligible": patients, "labelled": len(set(kept))}
    steps = [
        ("found", "remain", "found"),
        ("excluded:not_dicom", "leave", "not_dicom"),
        ("excluded:rule:view_position", "leave", "view"),
        ("eligible", "remain", "eligible"),
        ("no_label", "leave", "no_label"),
        ("labelled", "remain", "labelled"),
    ]
    flow = tuple(
        FlowStep(name, kind, name, counts[key], counts[key], people.get(key, 1), people.get(key, 1))
        for name, kind, key in steps
    )
    return replace(evidence, flow=flow)


def test_every_file_ends_in_exactly_one_box(simulated: Simulate) -> None:
    evidence = with_flow(simulated())
    (finding,) = ANALYSIS.findings(evidence, Options())
    steps = {step["id"]: step for step in finding.data["steps"]}
    assert steps["no_output"]["images"] == 5
    assert steps["no_output"]["reasons"] == {"truncated": 5}
    assert steps["no_output"]["kind"] == "among"
    assert steps["analysed"]["images"] == evidence.units.num_rows - 3
    assert "excluded beforehand" in finding.statement
    assert "no output for 5 images: counted as wrong" in finding.statement


def test_failures_left_out_leave_the_analysed(simulated: Simulate) -> None:
    evidence = simulated()
    rule = evidence.protocol.inference.model_copy(update={"on_failure": "exclude_and_report"})
    left_out = replace(evidence, protocol=evidence.protocol.model_copy(update={"inference": rule}))
    (finding,) = ANALYSIS.findings(left_out, Options())
    *_, silent, analysed = finding.data["steps"]
    assert silent["kind"] == "leave"
    assert analysed["images"] == evidence.units.num_rows - 3 - 5


def test_a_table_without_a_cohort_stage_still_has_its_flow(simulated: Simulate) -> None:
    (finding,) = ANALYSIS.findings(simulated(), Options())
    assert [step["id"] for step in finding.data["steps"]] == [
        "eligible", "no_label", "labelled", "no_output", "analysed",
    ]  # fmt: skip


@pytest.mark.parametrize("box", ["found", "not_dicom", "view", "eligible", "no_label", "labelled"])
def test_a_box_that_is_one_off_is_found(simulated: Simulate, box: str) -> None:
    evidence = with_flow(simulated())
    right = {"found": 0, "not_dicom": 1, "view": 2, "eligible": 3, "no_label": 4, "labelled": 5}[box]
    with pytest.raises(EvidenceError, match="participant flow"):
        ANALYSIS.findings(with_flow(simulated(), **{box: evidence.flow[right].images + 1}), Options())


def test_a_flow_of_another_run_is_found_by_its_patients(simulated: Simulate) -> None:
    evidence = with_flow(simulated())
    wrong = tuple(replace(s, patients=s.patients + 1) if s.id == "labelled" else s for s in evidence.flow)
    with pytest.raises(EvidenceError, match=r"'labelled' holds .* patients, but the units table has"):
        ANALYSIS.findings(replace(evidence, flow=wrong), Options())
