from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from validate.analyses import participants_by
from validate.analyses.analysis import Evidence
from validate.analyses.participants import ANALYSIS, Options
from validate.cohort.case import FlowStep
from validate.cohort.identified import SCHEMA
from validate.errors import EvidenceError

Simulate = Callable[..., Evidence]


def with_flow(evidence: Evidence, **wrong: int) -> Evidence:
    """The flow of a cohort that found 9 files too many: 4 no DICOM, 5 lateral views."""
    n, patients = evidence.units.num_rows, len(set(evidence.units["patient"].to_pylist()))
    counts = {"found": n + 9, "not_dicom": 4, "view": 5, "eligible": n} | wrong
    steps = [
        ("found", "remain", "found", patients + 2),
        ("excluded:not_dicom", "leave", "not_dicom", 0),
        ("excluded:rule:view_position", "leave", "view", 3),
        ("eligible", "remain", "eligible", patients),
    ]
    return replace(
        evidence,
        flow=tuple(
            FlowStep(name, kind, name, counts[key], counts[key], people, people) for name, kind, key, people in steps
        ),
    )


def test_every_file_ends_in_exactly_one_box(simulated: Simulate) -> None:
    evidence = with_flow(simulated())
    (finding,) = ANALYSIS.findings(evidence, Options())
    steps = {step["id"]: step for step in finding.data["steps"]}
    assert steps["no_output"]["images"] == 5
    assert steps["no_output"]["reasons"] == {"truncated": 5}
    assert steps["no_output"]["kind"] == "leave"
    assert (steps["failed"]["kind"], steps["failed"]["images"]) == ("join", 5)
    assert steps["labelled"]["images"] + 5 == steps["analysed"]["images"]
    assert steps["analysed"]["images"] == evidence.units.num_rows - 3
    assert "excluded beforehand" in finding.statement
    assert "For 5 images there is no output: counted as wrong" in finding.statement


def test_failures_left_out_leave_the_analysed(simulated: Simulate) -> None:
    evidence = simulated()
    rule = evidence.protocol.inference.model_copy(update={"on_failure": "exclude_and_report"})
    left_out = replace(evidence, protocol=evidence.protocol.model_copy(update={"inference": rule}))
    (finding,) = ANALYSIS.findings(left_out, Options())
    steps = {step["id"]: step for step in finding.data["steps"]}
    analysed = steps["analysed"]
    assert "failed:no_output" not in steps
    assert steps["labelled"]["images"] == analysed["images"]
    assert analysed["images"] == evidence.units.num_rows - 3 - 5


def test_a_table_without_a_cohort_stage_still_has_its_flow(simulated: Simulate) -> None:
    (finding,) = ANALYSIS.findings(simulated(), Options())
    assert [step["id"] for step in finding.data["steps"]] == [
        "eligible", "unreadable", "readable", "not_sent", "sent", "no_output", "output", "no_label", "labelled", "failed",
        "analysed",
    ]  # fmt: skip


@pytest.mark.parametrize(("box", "at"), [("found", 0), ("not_dicom", 1), ("view", 2), ("eligible", 3)])
def test_a_box_that_is_one_off_is_found(simulated: Simulate, box: str, at: int) -> None:
    count = with_flow(simulated()).flow[at].images
    with pytest.raises(EvidenceError, match="participant flow"):
        ANALYSIS.findings(with_flow(simulated(), **{box: count + 1}), Options())


def test_a_flow_of_another_run_is_found_by_its_patients(simulated: Simulate) -> None:
    evidence = with_flow(simulated())
    wrong = tuple(replace(s, patients=s.patients + 1) if s.id == "eligible" else s for s in evidence.flow)
    with pytest.raises(EvidenceError, match=r"'eligible' holds 281 patients, but the units table has 280"):
        ANALYSIS.findings(replace(evidence, flow=wrong), Options())


def test_rows_that_are_no_images_are_counted_as_what_they_are(simulated: Simulate) -> None:
    evidence = simulated()
    cohort = evidence.protocol.cohort.model_copy(update={"unit": "study"})
    by_study = replace(evidence, protocol=evidence.protocol.model_copy(update={"cohort": cohort}))
    (finding,) = ANALYSIS.findings(by_study, Options())
    *_, analysed = finding.data["steps"]
    assert analysed["images"] is None
    assert analysed["units"] == evidence.units.num_rows - 3


def test_rows_of_patients_are_not_counted_as_studies(simulated: Simulate) -> None:
    evidence = with_flow(simulated())
    cohort = evidence.protocol.cohort.model_copy(update={"unit": "patient"})
    more = tuple(replace(step, studies=step.studies + 7) for step in evidence.flow)
    patients = replace(evidence, protocol=evidence.protocol.model_copy(update={"cohort": cohort}), flow=more)
    (finding,) = ANALYSIS.findings(patients, Options())
    counts = {step["id"]: step["studies"] for step in finding.data["steps"]}
    assert counts["eligible"] == more[-1].studies
    assert counts["analysed"] is None


def with_series(evidence: Evidence, each: int) -> Evidence:
    """Every `each` rows of the table are of one series, which the flow of the cohort knows."""
    units = evidence.units["unit"].to_pylist()
    series = [f"E-{place // each}" for place in range(len(units))]
    eligible = len(set(series))
    flow = [
        replace(step, series={"found": eligible + 1, "eligible": eligible}.get(step.id, 0))
        for step in with_flow(evidence).flow
    ]
    return replace(evidence, cases=pa.table({"unit": units, "series": series}), flow=tuple(flow))


def test_series_are_counted_in_every_box(simulated: Simulate) -> None:
    evidence = with_series(simulated(), 2)
    (finding,) = ANALYSIS.findings(evidence, Options())
    counts = {step["id"]: step["series"] for step in finding.data["steps"]}
    failed = [place // 2 for place, status in enumerate(evidence.units["status"].to_pylist()) if status != "ok"]
    assert counts["found"] == counts["eligible"] + 1 == -(-evidence.units.num_rows // 2) + 1
    assert counts["no_output"] == len(set(failed)) > 0


def test_series_of_another_run_are_found(simulated: Simulate) -> None:
    evidence = with_series(simulated(), 2)
    other = tuple(replace(step, series=(step.series or 0) + 1) for step in evidence.flow)
    with pytest.raises(EvidenceError, match="series, but the units table has"):
        ANALYSIS.findings(replace(evidence, flow=other), Options())


@pytest.mark.parametrize("unit", ["study", "patient"])
def test_rows_of_several_series_are_not_counted_as_series(simulated: Simulate, unit: str) -> None:
    evidence = with_series(simulated(), 2)
    cohort = evidence.protocol.cohort.model_copy(update={"unit": unit})
    one = replace(evidence, protocol=evidence.protocol.model_copy(update={"cohort": cohort}))
    (finding,) = ANALYSIS.findings(one, Options())
    counts = {step["id"]: step["series"] for step in finding.data["steps"]}
    assert counts["eligible"] is not None and counts["analysed"] is None


def test_every_site_and_class_has_its_own_flow_that_adds_up(simulated: Simulate) -> None:
    evidence = simulated()
    (finding,) = ANALYSIS.findings(evidence, Options())
    totals = {step["id"]: step["units"] for step in finding.data["steps"]}
    by = {found["attribute"]: found["rows"] for found in finding.data["by"]}
    assert list(by) == ["site", "reference"]
    assert {row["level"] for row in by["site"]} == {"A", "B", "C"}
    assert {row["level"] for row in by["reference"]} == {"positive", "negative", "no reference"}
    for rows in by.values():
        for name in ("eligible", "readable", "sent", "no_output", "output", "labelled", "analysed"):
            assert sum(row[name] for row in rows) == totals[name]


def test_a_site_that_is_no_stratum_and_not_always_said_has_its_flow_too(simulated: Simulate) -> None:
    evidence = simulated()
    cases = evidence.cases
    sites = [None if site == "B" else site for site in cases["site"].to_pylist()]
    renamed = cases.drop_columns(["site"]).append_column("institution", pa.array(sites))
    units = evidence.units.drop_columns(["by.site"])
    (finding,) = ANALYSIS.findings(replace(evidence, cases=renamed, units=units), Options())
    by = {found["attribute"]: found["rows"] for found in finding.data["by"]}
    assert [row["level"] for row in by["institution"]] == ["A", "C", "not said"]
    assert [row["eligible"] for row in by["institution"]] == [sites.count(site) for site in ("A", "C", None)]


def test_an_image_that_the_model_does_not_take_is_not_sent(simulated: Simulate) -> None:
    evidence = simulated()
    failures = ["preprocess:channels" if reason else None for reason in evidence.units["failure"].to_pylist()]
    place = evidence.units.column_names.index("failure")
    units = evidence.units.set_column(place, "failure", [failures])
    (finding,) = ANALYSIS.findings(replace(evidence, units=units), Options())
    steps = {step["id"]: step for step in finding.data["steps"]}
    assert (steps["not_sent"]["units"], steps["no_output"]["units"], steps["failed"]["units"]) == (5, 0, 5)


def identified(evidence: Evidence, left: list[tuple[str | None, str]]) -> pa.Table:
    """Everybody of the study, and these (site, class) that are not in it."""
    inside = evidence.cases["unit"].to_pylist()
    sites = [*evidence.cases["site"].to_pylist(), *(site for site, _ in left)]
    classes = [*(None for _ in inside), *(name for _, name in left)]
    units = [*inside, *(f"left{n}" for n in range(len(left)))]
    return pa.table([units, [True] * len(inside) + [False] * len(left), sites, classes], schema=SCHEMA)


def test_who_was_identified_and_left_out_is_counted_by_site_and_class(simulated: Simulate) -> None:
    evidence = simulated()
    left = [("A", "positive"), ("A", "negative"), ("D", "positive"), (None, "no reference")]
    (finding,) = ANALYSIS.findings(replace(evidence, identified=identified(evidence, left)), Options())
    by = {found["attribute"]: {row["level"]: row for row in found["rows"]} for found in finding.data["by"]}
    assert {level: row["excluded"] for level, row in by["site"].items()} == {
        "A": 2,
        "B": 0,
        "C": 0,
        "D": 1,
        "not said": 1,
    }
    assert by["site"]["A"]["identified"] == by["site"]["A"]["eligible"] + 2
    assert (by["site"]["D"]["identified"], by["site"]["D"]["eligible"], by["site"]["D"]["analysed"]) == (1, 0, 0)
    assert {level: row["excluded"] for level, row in by["reference"].items()} == {
        "negative": 1,
        "positive": 2,
        "no reference": 1,
    }
    total = finding.data["by"][0]["total"]
    assert total["identified"] == evidence.units.num_rows + 4


def test_without_a_list_of_who_was_identified_that_box_is_not_counted(simulated: Simulate) -> None:
    (finding,) = ANALYSIS.findings(simulated(), Options())
    assert finding.data["by"][0]["total"]["identified"] is None


def test_a_flow_of_sites_that_does_not_add_up_is_refused() -> None:
    counts = dict.fromkeys(("eligible", "readable", "sent", "output", "labelled", "analysed"), 5)
    counts |= dict.fromkeys(("identified", "excluded"), None) | dict.fromkeys(
        ("unreadable", "not_sent", "no_output"), 0
    )
    participants_by._check("site", {**counts, "no_label": 0, "returned": 0})
    with pytest.raises(EvidenceError, match="5 output less 1 no_label are not 5 labelled"):
        participants_by._check("site", {**counts, "no_label": 1, "returned": 0})
    with pytest.raises(EvidenceError, match="are not 5 analysed"):
        participants_by._check("site", {**counts, "no_label": 0, "returned": 2})


def test_grades_are_flows_of_grades_and_not_of_the_sides_of_the_headline(simulated: Simulate) -> None:
    evidence = simulated()
    reference = evidence.protocol.reference.model_copy(
        update={"grades": [0, 1, 2, 3], "headline": "at_least_2", "positive": None}
    )
    graded = evidence.protocol.model_copy(update={"task": "ordinal", "reference": reference})
    grade = [None if x is None else float((n % 2) + 2 * x) for n, x in enumerate(evidence.units["label"].to_pylist())]
    place = evidence.units.column_names.index("label")
    target = evidence.units.column_names.index("target")
    every = evidence.units.set_column(target, "target", [["all"] * len(grade)]).set_column(place, "label", [grade])
    (finding,) = ANALYSIS.findings(replace(evidence, protocol=graded, every=every), Options())
    rows = {row["level"]: row["labelled"] + row["returned"] for row in finding.data["by"][-1]["rows"]}
    statuses = evidence.units["label_status"].to_pylist()
    expected = Counter("no reference" if s != "present" else f"{x:g}" for s, x in zip(statuses, grade, strict=True))
    assert {level: n for level, n in rows.items() if level != "no reference"} == {
        level: n for level, n in expected.items() if level != "no reference"
    }
