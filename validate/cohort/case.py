"""Who is in, who is out, and why: the plain types that the cohort stage hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

AttributeValue = str | float | None


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the study: a unit that the model is asked about.

    unit, patient, study, series : keyed pseudonyms, never an identifier of the source
    digest : SHA-256 over the digests of its files
    attributes : harvested or joined; None where the source says nothing usable
    files, keys : where the pixels lie, and the header values that tables join on. In memory only: identifiers
        live there, so neither is written, printed or hashed.
    """

    unit: str
    patient: str
    study: str
    series: str
    digest: str
    attributes: Mapping[str, AttributeValue]
    has_label: bool
    files: tuple[Path, ...] = field(default=(), repr=False, compare=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One candidate file that is not in the study, for one reason, known before inference.

    file : keyed pseudonym of the path    reason : a code such as "not_dicom", "rule:view_position"
    detail : a sentence without identifiers    patient, study : pseudonyms where known
    """

    file: str
    reason: str
    detail: str
    patient: str | None = None
    study: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One box of the participant flow. `kind` is "remain" or "leave"; counts at every level.

    id : "found", "excluded:not_dicom", "eligible"; what follows inference is counted by the analysis of participants
    series : None where the source knows none, as a table of cases does not
    """

    id: str
    kind: str
    label: str
    files: int
    images: int
    studies: int
    patients: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    series: int | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Cases in their fixed order (patient, study, series, unit), the exclusions, and the flow up to inference.

    warnings : lines for whoever runs it; not written
    left : units that were identified and of which nothing is in the study; in memory only
    """

    cases: tuple[Case, ...]
    exclusions: tuple[Exclusion, ...]
    flow: tuple[FlowStep, ...]
    digest: str
    notes: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    left: tuple[Case, ...] = field(default=(), repr=False, compare=False)
