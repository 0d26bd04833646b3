"""Calibration in numbers: intercept, slope and O/E with limits, overall, by group and shifted; tests that never decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from validate.analyses.analysis import Evidence
from validate.analyses.wording import attribute_words, sentence_case
from validate.errors import Undefined
from validate.estimation.cluster_words import clusters_in_words
from validate.estimation.sample import Sample
from validate.stats.calibration import (
    Coefficient,
    at_prevalence,
    calibration_in_the_large,
    calibration_slope,
    hosmer_lemeshow,
    observed_over_expected,
    spiegelhalter,
)

LEVEL = 0.95
FEWEST_OF_A_CLASS = 5
ROBUST = "logistic model, errors robust to the clusters"


LOGISTIC: tuple[tuple[str, str, float, Callable[..., Coefficient]], ...] = (
    ("intercept", "Calibration intercept", 0.0, calibration_in_the_large),
    ("slope", "Calibration slope", 1.0, calibration_slope),
    ("observed_over_expected", "Observed over expected", 1.0, observed_over_expected),
)


def empty_measures() -> list[dict[str, Any]]:
    return [measure(name, label, ideal, ROBUST) for name, label, ideal, _ in LOGISTIC]


def logistic_measures(sample: Sample) -> list[dict[str, Any]]:
    measures = []
    for name, label, ideal, function in LOGISTIC:
        entry = measure(name, label, ideal, ROBUST if function is not observed_over_expected else "ratio of clusters")
        try:
            found = function(sample.rows["score"], sample.rows["positive"], cluster=sample.cluster, level=LEVEL)
        except Undefined as error:
            measures.append({**entry, "reason": str(error)})
            continue
        few = found.error < 1e-9 or not np.isfinite([found.low, found.high]).all()
        limits = {} if few else {"low": found.low, "high": found.high}
        reason = "too few clusters for limits" if few else None
        measures.append({**entry, "value": found.value, **limits, "reason": reason})
    return measures


def calibration_tests(sample: Sample) -> list[dict[str, Any]]:
    """For readers who ask for them: p-values that fall with n, of rows taken for independent."""
    stated, truth = sample.rows["score"], sample.rows["positive"]
    found: list[dict[str, Any]] = []
    for name, label in (("spiegelhalter", "Spiegelhalter's z"), ("hosmer_lemeshow", "Hosmer–Lemeshow, ten groups")):
        entry = {"id": name, "label": label, "statistic": None, "degrees": None, "p": None, "reason": None}
        if np.unique(sample.cluster).size < len(stated):
            found.append({**entry, "reason": "patients have several rows, and the test takes rows for independent"})
            continue
        try:
            if name == "spiegelhalter":
                z, p = spiegelhalter(stated, truth)
                found.append({**entry, "statistic": z, "p": p})
            else:
                result = hosmer_lemeshow(stated, truth)
                found.append({**entry, "statistic": result.statistic, "degrees": result.degrees, "p": result.p})
        except Undefined as error:
            found.append({**entry, "reason": str(error)})
    return found


def shifted_measures(evidence: Evidence, sample: Sample) -> list[dict[str, Any]]:
    """Had the probabilities been made for a stated prevalence: moved to this sample's, are they right on average?"""
    stated = evidence.protocol.cohort.prevalence
    share = float(sample.rows["positive"].mean())
    if stated is None or not 0 < share < 1:
        return []
    found = []
    for value in stated.values:
        if not 0 < value < 1:
            continue
        inside = np.clip(sample.rows["score"], 1e-12, 1 - 1e-12)
        moved = replace(sample, rows=replace(sample.rows, columns={**sample.rows.columns, "score": at_prevalence(
            inside, stated=value, wanted=share)}))  # fmt: skip
        by_name = {entry["id"]: entry for entry in logistic_measures(moved)}
        kept = {name: by_name[name] for name in ("intercept", "observed_over_expected")}
        found.append({"prevalence": value, **kept})
    return found


def calibration_by_group(sample: Sample, *, suppress_below: int | None = None) -> list[dict[str, Any]]:
    """Intercept, slope and O/E in every level of every stratum; too few patients of a class: no limits, and said."""
    attributes = [name for name in dict.fromkeys(sample.groups.attributes) if name is not None]
    return [
        {
            "attribute": attribute,
            "label": sentence_case(attribute_words(attribute)),
            "levels": [_level(sample, place, suppress_below or 0) for place in sample.groups.of(attribute)],
        }
        for attribute in attributes
    ]


def _level(sample: Sample, place: int, least: int) -> dict[str, Any]:
    members = sample.groups.members[place]
    rows, cluster = sample.rows.where(members), sample.cluster[members]
    positive = rows["positive"]
    fewest = min((np.unique(cluster[side]).size for side in (positive, ~positive)), default=0)
    part = replace(sample, rows=rows, cluster=cluster)
    patients = int(np.unique(sample.patient[members]).size)
    if patients < least or fewest < FEWEST_OF_A_CLASS:
        reason = (
            f"{clusters_in_words(fewest, sample.resampled)} in the rarer class; expected at least {FEWEST_OF_A_CLASS}"
        )
        if patients < least:
            reason = f"suppressed: {patients} patients, fewer than {least}"
        measures = [{**entry, "value": None, "low": None, "high": None, "reason": reason} for entry in empty_measures()]
    else:
        measures = logistic_measures(part)
    return {
        "level": sample.groups.levels[place],
        "cases": len(rows),
        "patients": patients,
        "positives": int(positive.sum()),
        "measures": measures,
    }


def measure(name: str, label: str, ideal: float, method: str) -> dict[str, Any]:
    return {
        "id": name,
        "label": label,
        "value": None,
        "low": None,
        "high": None,
        "ideal": ideal,
        "method": method,
        "level": LEVEL,
        "estimate": None,
        "reason": None,
    }
