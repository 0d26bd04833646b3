"""What the protocol's people state (statements:), shown in the section that it belongs to; what nobody stated is said to be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from validate.report import view
from validate.report.study import Study
from validate.report.table import Column, Table, row

USE = {
    "background": ("Background", ""),
    "users": ("Intended users", "who is meant to use it, and where in the workflow"),
    "development": ("Development of the model", "what it was trained with"),
    "explainability": ("Explainability", ""),
}
REFERENCE = {
    "annotators": ("Who set the reference", "number and qualification of those who set the reference"),
    "standard_rationale": ("Why this reference standard", ""),
    "standard_blinding": ("What they knew", "what they knew of the model and of the patient"),
    "reader_agreement": ("Agreement between readers", "their agreement, and how disagreements were settled"),
    "interval_between_tests": ("Time and treatment between the tests", "the interval between image and reference"),
}
POPULATION = {
    "severity": ("Severity of disease", "severity of disease in those who have it"),
    "alternatives": ("Other diagnoses", "other diagnoses of those who do not"),
    "treatments": ("Treatments", ""),
}
INDEPENDENCE = {
    "development_comparison": ("Difference from the development data", ""),
    "internal_evaluation": ("Evaluation on internal data", ""),
}
MEANING = {
    "limitations": ("Limitations", ""),
    "implications": ("Meaning for practice", ""),
    "interpretation": ("Interpretation", ""),
}


@dataclass(frozen=True, slots=True)
class Stated:
    """facts : word for word as the protocol has it; empty where nothing is    missing : in a list of words; empty where all is there"""

    facts: Table
    missing: str


def stated(study: Study, name: str, kinds: Mapping[str, tuple[str, str]], *also: str) -> Stated:
    """Name : of the table    also : what else is not in the evidence, before the rest"""
    said = study.protocol["statements"]
    rows = tuple(row(title, view.words(said[key])) for key, (title, _) in kinds.items() if said[key])
    silent = [*also, *(words for key, (_, words) in kinds.items() if words and not said[key])]
    return Stated(Table(name, (Column(""), Column("")), rows), "; ".join(silent))
