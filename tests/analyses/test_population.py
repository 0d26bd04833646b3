from __future__ import annotations

from collections.abc import Callable

import numpy as np

from validate.analyses.analysis import Evidence
from validate.analyses.population import ANALYSIS, Options

Simulate = Callable[..., Evidence]


def test_the_levels_of_an_attribute_add_up_to_everybody(simulated: Simulate) -> None:
    evidence = simulated()
    (finding,) = ANALYSIS.findings(evidence, Options())
    counts = finding.data["counts"]
    assert counts["images"] == evidence.units.num_rows
    assert counts["failed"] == {"candidate": 5}
    for entry in finding.data["attributes"]:
        if entry["levels"] is not None:
            for key in ("images", "positives", "negatives", "no_label"):
                assert sum(level[key] for level in entry["levels"]) == counts[key]


def test_missing_values_are_a_level_of_their_own_and_come_last(simulated: Simulate) -> None:
    (finding,) = ANALYSIS.findings(simulated(), Options())
    sex = next(entry for entry in finding.data["attributes"] if entry["attribute"] == "sex")
    assert [level["level"] for level in sex["levels"]] == ["F", "M", "missing"]
    assert sex["missing"] == sex["levels"][-1]["images"] > 0
    assert "Not always known: sex" in finding.statement


def test_age_is_summarised_per_patient_and_the_very_old_are_not_told_apart(simulated: Simulate) -> None:
    evidence = simulated()
    (finding,) = ANALYSIS.findings(evidence, Options())
    age = next(entry for entry in finding.data["attributes"] if entry["attribute"] == "age")
    first: dict[str, float] = {}
    for patient, value in zip(evidence.cases["patient"].to_pylist(), evidence.cases["age"].to_pylist(), strict=True):
        if value is not None:
            first.setdefault(patient, value)
    assert age["levels"] is None
    assert age["summary"]["of"] == "patients"
    assert age["summary"]["count"] == len(first)
    assert age["summary"]["median"] == np.median(list(first.values()))
    assert age["summary"]["most"] == 90.0


def test_scanners_and_crossings_hold_every_image(simulated: Simulate) -> None:
    evidence = simulated()
    (finding,) = ANALYSIS.findings(evidence, Options())
    assert sum(row["images"] for row in finding.data["scanners"]) == evidence.units.num_rows
    assert {row["model_name"][:-2] for row in finding.data["scanners"]} == {"GE", "Siemens", "Philips", "Fujifilm"}
    pairs = [(crossing["rows"], crossing["columns"]) for crossing in finding.data["crossings"]]
    assert pairs == [("sex", "manufacturer"), ("sex", "site")]
    for crossing in finding.data["crossings"]:
        assert sum(map(sum, crossing["images"])) == evidence.units.num_rows


def test_nothing_positive_is_said_as_it_is(simulated: Simulate) -> None:
    (finding,) = ANALYSIS.findings(simulated(positives=0.0), Options())
    assert finding.data["prevalence"]["share"] == 0
    assert "0 of the" in finding.statement
