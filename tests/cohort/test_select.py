"""Rules take out whom they name, for one reason, and the flow adds up at every level."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.cohort.flow import participant_flow, reason_label
from validate.cohort.index import Candidate
from validate.cohort.select import exclusion_reasons, meets
from validate.protocol.cohort import Cohort, Rule


def cohort(**options) -> Cohort:
    return Cohort.model_validate({"sources": [{"dicom": "x"}], "unit": "image", "sampling": "random", **options})


def candidate(
    name="1", patient="P", study="S", digest=None, studied=date(2025, 6, 1), reason=None, series=None, **attributes
):
    keys = {"patient_id": patient, "study_instance_uid": study, "sop_instance_uid": name}
    keys |= {"series_instance_uid": series} if series else {}
    return Candidate(
        Path(name), name, digest or f"d{name}", reason, "", {} if reason else keys, attributes, studied=studied
    )


def codes(candidates, **options):
    reasons = exclusion_reasons(candidates, cohort(**options))
    return [reasons[at][0] if at in reasons else None for at in range(len(candidates))]


def test_inclusion_needs_the_attribute_and_the_value():
    people = [candidate("1", age=30.0), candidate("2", age=17.0), candidate("3", age=None), candidate("4")]
    rules = [{"attribute": "age", "at_least": 18}]
    assert codes(people, include=rules) == [None, "rule:age", "rule:age:missing", "rule:age:missing"]


def test_exclusion_takes_only_what_meets_the_rule():
    people = [candidate("1", view="LL"), candidate("2", view="PA"), candidate("3", view=None)]
    assert codes(people, exclude=[{"attribute": "view", "one_of": ["LL", "RL"]}]) == ["rule:view", None, None]


def test_the_period_includes_its_ends_and_needs_a_date():
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 12, 31), date(2026, 1, 1), None]
    people = [candidate(str(n), studied=day) for n, day in enumerate(days)]
    period = {"from": "2025-01-01", "to": "2025-12-31"}
    expected = ["outside_period", None, None, "outside_period", "rule:study_date:missing"]
    assert codes(people, period=period) == expected


def test_the_first_copy_stays_and_contradicting_copies_all_leave():
    people = [
        candidate("1", digest="a"),
        candidate("1", digest="a"),
        candidate("2", digest="b"),
        candidate("2", digest="c"),
    ]
    assert codes(people) == [None, "duplicate_sop_instance", "conflicting_duplicate", "conflicting_duplicate"]


def test_a_study_of_two_patients_leaves_whole():
    people = [candidate("1", patient="P"), candidate("2", patient="Q"), candidate("3", patient="P", study="T")]
    assert codes(people) == ["conflicting_patient", "conflicting_patient", None]


def test_what_was_no_image_keeps_its_reason():
    assert codes([candidate(reason="not_dicom"), candidate("2")]) == ["not_dicom", None]


@pytest.mark.parametrize(
    ("rule", "value", "met"),
    [
        ({"one_of": ["CR", "DX"]}, "cr ", True),
        ({"one_of": [12]}, 12.0, True),
        ({"one_of": ["12"]}, 12.0, False),
        ({"none_of": ["CR"]}, "DX", True),
        ({"at_least": 5, "at_most": 7}, 7.0, True),
        ({"at_least": 5, "at_most": 7}, 7.1, False),
        ({"at_least": 5}, "9", False),
    ],
)
def test_a_rule_compares_numbers_as_numbers_and_text_without_case(rule, value, met):
    assert meets(Rule(attribute="x", **rule), value) is met


people = st.lists(
    st.builds(
        lambda n, p, s, d, e, a, r: candidate(
            f"{s}.{n}", patient=f"P{p}", study=f"S{s}", digest=str(d), series=e and f"{s}/{e}", age=a, reason=r
        ),
        *(st.integers(0, 3) for _ in range(5)),
        st.sampled_from([None, 10.0, 50.0]),
        st.sampled_from([None, None, None, "not_dicom", "empty_file"]),
    ),
    max_size=25,
)


@given(people)
def test_what_came_in_is_what_left_and_what_remains_at_every_level(candidates):
    reasons = exclusion_reasons(candidates, cohort(include=[{"attribute": "age", "at_least": 18}]))
    found, *left, eligible = participant_flow(candidates, reasons)
    assert found.files == len(candidates)
    assert eligible.files == len(candidates) - len(reasons)
    for level in ("files", "images", "studies", "patients"):
        assert getattr(found, level) - sum(getattr(step, level) for step in left) == getattr(eligible, level)
    counts = [step.series for step in (found, *left, eligible)]
    known = any("series_instance_uid" in one.keys for one in candidates)
    assert counts[0] - sum(counts[1:-1]) == counts[-1] if known else counts == [None] * len(counts)
    assert all(step.kind == "leave" and sum(step.reasons.values()) == step.files for step in left)


def test_a_series_leaves_with_its_last_image_and_an_image_outside_any_is_one_by_itself():
    candidates = [
        candidate("1", series="A", age=10.0),
        candidate("2", series="A", age=20.0),
        candidate("3", series="B", age=10.0),
        candidate("4", age=20.0),
    ]
    options = {"include": [{"attribute": "age", "at_least": 18}]}
    flow = participant_flow(candidates, exclusion_reasons(candidates, cohort(**options)))
    assert [(step.id, step.images, step.series) for step in flow] == [
        ("found", 4, 3),
        ("excluded:rule:age", 2, 1),  # A still has image 2
        ("eligible", 2, 2),
    ]


def test_a_table_of_cases_knows_no_series():
    candidates = [candidate(str(n), study=f"S{n}", series=f"S{n}") for n in range(3)]
    assert {step.series for step in participant_flow(candidates, {})} == {None}


def test_a_patient_leaves_with_the_last_image():
    candidates = [
        candidate("1", age=10.0),
        candidate("2", study="T", studied=None, age=20.0),
        candidate("3", patient="Q", study="U", age=30.0),
    ]
    options = {"include": [{"attribute": "age", "at_least": 18}], "period": {"from": "2025-01-01", "to": "2025-12-31"}}
    flow = participant_flow(candidates, exclusion_reasons(candidates, cohort(**options)))
    assert [(step.id, step.studies, step.patients) for step in flow] == [
        ("found", 3, 2),
        ("excluded:rule:age", 1, 0),  # P still has study T here
        ("excluded:rule:study_date:missing", 1, 1),
        ("eligible", 1, 1),
    ]


def test_reasons_have_words():
    assert reason_label("rule:view_position") == "By the rule on view position"
    assert reason_label("rule:age:missing") == "Without age"
    assert reason_label("not_dicom") == "Not DICOM"
