"""What was put into a study is found, by the analysis that looks for it and at the place where it is; and nothing is found elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.fairness import ANALYSIS as FAIRNESS
from validate.analyses.scanner_shift import ANALYSIS as SCANNER
from validate.phantoms.shift_tables import BLURRED, BUSY, UNDERSERVED, Truths, shift_table
from validate.protocol.fairness import FairnessOptions
from validate.protocol.scanner_shift import ScannerShiftOptions

SCANNER_OPTIONS = {"by": "manufacturer", "endpoints": ["sensitivity"], "adjust_for": ["severity"]}
FAIRNESS_OPTIONS = {"attributes": ["sex"], "endpoints": ["sensitivity"], "reference": {"sex": "M"}}


def study(build: SimpleNamespace, truths: Truths, *, seed: int = 1, patients: int = 600, **changes: Any) -> Evidence:
    table = shift_table(truths, seed=seed, patients=patients)
    protocol = build.protocol(
        endpoints=[{"id": "sensitivity", "metric": "classification.sensitivity", "role": "primary"}],
        strata=["manufacturer", "sex", "severity"], resampling={"replicates": 400},
        analyses=[{"name": "scanner_shift", "options": SCANNER_OPTIONS}, {"name": "fairness", "options": FAIRNESS_OPTIONS}], **changes,
    )  # fmt: skip
    attributes = {
        "manufacturer": table.maker.tolist(), "sex": table.sex.tolist(), "severity": table.severity.tolist()
    }  # fmt: skip
    evidence = build.evidence(
        protocol, patient=table.patient, positive=table.positive, score=table.score, attributes=attributes
    )
    return build.estimated(evidence)  # type: ignore[no-any-return]


def called(evidence: Evidence) -> dict[str, set[str]]:
    """Whom each analysis calls, by limits that leave out no difference: as they are, weighted, standardised, and served worse."""
    (scanner,) = SCANNER.findings(evidence, ScannerShiftOptions.model_validate(SCANNER_OPTIONS))
    (fair,) = FAIRNESS.findings(evidence, FairnessOptions.model_validate(FAIRNESS_OPTIONS))
    entry = scanner.data["attributes"][0]

    def apart(rows: Any, low: str = "low", high: str = "high") -> set[str]:
        return {one["level"] for one in rows if one[low] is not None and (one[low] > 0 or one[high] < 0)}

    groups = fair.data["endpoints"][0]["groups"]
    return {
        "raw": apart(entry["endpoints"][0]["levels"], "simultaneous_low", "simultaneous_high"),
        "weighted": apart(entry["weighted"]),
        "standardised": apart(entry["adjusted"]),
        "served worse": {group["level"] for group in groups if group["conclusion"] in {"shown", "beyond"}},
    }


def association(evidence: Evidence) -> float:
    (scanner,) = SCANNER.findings(evidence, ScannerShiftOptions.model_validate(SCANNER_OPTIONS))
    return float(scanner.data["attributes"][0]["confounding"][0]["association"])


def test_nothing_is_called_where_nothing_was_put(build: SimpleNamespace) -> None:
    evidence = study(build, Truths())
    assert called(evidence) == {"raw": set(), "weighted": set(), "standardised": set(), "served worse": set()}
    assert association(evidence) < 0.1


def test_a_maker_that_blurs_is_found_raw_and_adjusted_and_no_group_is_blamed(build: SimpleNamespace) -> None:
    found = called(study(build, Truths(blur=1.2)))
    assert BLURRED in found["raw"] and BLURRED in found["weighted"] and BLURRED in found["standardised"]
    assert found["served worse"] == set()


def test_a_group_that_is_served_worse_is_found_and_no_maker_is_blamed(build: SimpleNamespace) -> None:
    found = called(study(build, Truths(underserved=1.0)))
    assert found == {"raw": set(), "weighted": set(), "standardised": set(), "served worse": {UNDERSERVED}}


def test_a_maker_that_gets_the_harder_patients_is_called_raw_and_cleared_by_adjusting(build: SimpleNamespace) -> None:
    evidence = study(build, Truths(confounded=0.45))
    found = called(evidence)
    assert BUSY in found["raw"]
    assert found["weighted"] == set() and found["standardised"] == set() and found["served worse"] == set()
    assert association(evidence) > 0.3


@pytest.mark.parametrize("truths", [Truths(blur=1.0), Truths(underserved=1.0)])
def test_a_truth_moves_the_scores_it_is_about_and_no_others(truths: Truths) -> None:
    plain, put = shift_table(Truths(), seed=3), shift_table(truths, seed=3)
    moved = plain.score != put.score
    about = plain.maker == BLURRED if truths.blur else plain.sex == UNDERSERVED
    assert (moved == (about & plain.positive)).all() and (put.score <= plain.score).all()
