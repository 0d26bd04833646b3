"""What the protocol's people state (statements:), shown in the section that it belongs to; what nobody stated is said to be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from validate.report import view
from validate.report.study import Study
from validate.report.table import Column, Table, row

# By field: the title that it is shown under, and what it is called where it is missing; "" where no section misses it by itself.
USE = {
    "manufacturer": (
        "Manufacturer and registration",
        "the manufacturer, the kind of device (CADe, CADx, CADt) and its registration",
    ),
    "background": ("Background", ""),
    "users": ("Intended users", "who is meant to use it, and where in the workflow"),
    "automation": (
        "Degree of automation",
        "what it does without a person, and whether users can change the operating point",
    ),
    "claimed_performance": (
        "What the manufacturer claims",
        "the manufacturer's own claims of performance, with the scanners and patients that it claims to work on",
    ),
    "development": ("Development of the model", "what it was trained with"),
    "explainability": ("Explainability", ""),
}
DATA = {
    "data_custody": ("Custody of the data", "who holds the data, on what legal basis, and how candidates were found")
}
REFERENCE = {
    "annotators": (
        "Who set the reference",
        "number and qualification of those who set the reference, their instructions and tools",
    ),
    "standard_rationale": ("Why this reference standard", ""),
    "standard_blinding": ("What they knew", "what they knew of the model and of the patient"),
    "reader_agreement": ("Agreement between readers", "their agreement, and how disagreements were settled"),
    "reference_uncertainty": (
        "How sure the reference is",
        "how sure the reference is: other readers, other rules, or the error rate of labels that were taken from reports",
    ),
    "interval_between_tests": ("Time and treatment between the tests", "the interval between image and reference"),
}
POPULATION = {
    "demographics": ("Race and ethnicity", "race and ethnicity, or why they are not collected"),
    "clinical_mix": ("Setting and comorbidity", "indication, setting and comorbidity"),
    "severity": ("Severity of disease", "severity of disease in those who have it"),
    "alternatives": ("Other diagnoses", "other diagnoses of those who do not"),
    "treatments": ("Treatments", ""),
}
INDEPENDENCE = {
    "overlap_check": (
        "Check against the development data",
        "a check of the cases against the development data by identifier or by image, and whether sites are shared with it",
    ),
    "development_comparison": (
        "Difference from the development data",
        "how these cases differ from the development data",
    ),
    "internal_evaluation": ("Evaluation on internal data", ""),
}
REPRESENTATIVE = {
    "representativeness": (
        "These patients and those of the site",
        "how these patients compare with those whom the site sees",
    ),
}
PLANNED = {"sample_size": ("Sample size", "a calculation of the sample size that was planned")}
ROUTE = {
    "clinical_route": (
        "The way in the clinic",
        "whether images reach the model in the clinic by the way they did here",
    ),
    "notification_time": (
        "Time to notification",
        "how long it takes in the clinic from the image to somebody who is told, with network and queue",
    ),
}
MEANING = {
    "limitations": ("Limitations", ""),
    "implications": ("Meaning for practice", ""),
    "interpretation": ("Interpretation", ""),
    "conditions": (
        "Conditions of acceptance",
        "conditions of acceptance, triggers for stopping or testing again, and the duties of the vendor",
    ),
    "residual_risk": ("Risk that remains", "the risk that remains"),
    "monitoring": ("Monitoring in use", "how the model is watched in use"),
}
RERUN = {"independent_rerun": ("Run again by others", "that somebody else has run it again")}
ACCESS = {"other_access": ("Other access", "who opened images or labels by other means than this program")}
CONTROL = {
    "distribution": ("Who receives it", "who receives this report"),
    "record_keeping": ("Keeping of records", "how long it is kept"),
}
DEVIATED = {
    "other_deviations": (
        "Other deviations", "deviations that a program can't see, such as cases taken out of the source by hand, or that there were none",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stated:
    """facts : word for word as the protocol has it; empty where nothing is    missing : in a list of words; empty where all is there"""

    facts: Table
    missing: str


def stated(study: Study, name: str, kinds: Mapping[str, tuple[str, str]], *known: str) -> Stated:
    """Name : of the table    known : fields that the evidence holds in another way, and that nobody need state"""
    said = study.protocol["statements"]
    rows = tuple(row(title, view.words(said[key])) for key, (title, _) in kinds.items() if said[key])
    silent = [words for key, (_, words) in kinds.items() if words and not said[key] and key not in known]
    return Stated(Table(name, (Column(""), Column("")), rows), "; ".join(silent))
