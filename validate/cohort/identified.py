"""Every unit that was identified, in the study or not: of which site it is, and what the reference says of those that are not in.

Written where labels are read, after the models: who was left out is counted by class too, and nobody is left out by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from validate.cohort.case import AttributeValue, Case, Cohort
from validate.cohort.privacy import pseudonym
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import MEASURED, class_names, headline

FILE = "cohort/identified.parquet"
SITES = ("site", "institution")  # attributes that say of which site a case is; else its header's institution does
NO_LABEL, WITH_LABEL = "no reference", "with a reference"
BINARY = frozenset({"classification", "multilabel"})
GRADED = frozenset({"multiclass", "ordinal"})
SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("in_study", pa.bool_(), nullable=False),
        pa.field("site", pa.string()),
        pa.field("reference", pa.string()),  # class of the reference, in words; null of what is in the study
    ]
)


def identified_units(cohort: Cohort, protocol: StudyProtocol, *, base: Path, site_key: bytes) -> pa.Table:
    """unit, in_study, site, reference: those of the study first, in their order. Reads labels."""
    units = [*cohort.cases, *cohort.left]
    named = next((name for name in SITES if any(name in case.attributes for case in cohort.cases)), None)
    sites = [_text(case.attributes.get(named)) if named is not None else _institution(case, site_key) for case in units]
    classes = [*(None for _ in cohort.cases), *_classes_of_left(cohort.left, protocol, base)]
    inside = [True] * len(cohort.cases) + [False] * len(cohort.left)
    return pa.table([[case.unit for case in units], inside, sites, classes], schema=SCHEMA)


def class_words(protocol: StudyProtocol, statuses: Sequence[str | None], labels: Sequence[float | None]) -> list[str]:
    """The class of the reference, in words; of masks, marks and measurements, whether there is one.

    labels : 1 and 0 of a yes-or-no question, a class's number of classes and grades
    """
    names = class_names(protocol.reference) if protocol.task in GRADED else ()
    found = []
    for status, label in zip(statuses, labels, strict=True):
        if status != "present":
            found.append("indeterminate" if status == "indeterminate" else NO_LABEL)
        elif names and label is not None and 0 <= int(label) < len(names):
            found.append(names[int(label)])
        elif protocol.task in BINARY and label in {0.0, 1.0}:
            found.append("positive" if label == 1.0 else "negative")
        else:
            found.append(WITH_LABEL)
    return found


def _classes_of_left(left: Sequence[Case], protocol: StudyProtocol, base: Path) -> list[str]:
    if not left:
        return []
    if protocol.task in MEASURED:
        return [WITH_LABEL if case.has_label else NO_LABEL for case in left]
    from validate.cohort.reference import labels_of_left  # it reads images, which a machine that only verifies can't

    finding = headline(protocol).name if protocol.task == "multilabel" else None
    return class_words(protocol, *labels_of_left(protocol.reference, base=base, cases=left, finding=finding))


def _institution(case: Case, site_key: bytes) -> str | None:
    name = case.keys.get("institution")
    return pseudonym(site_key, "institution", name) if name else None


def _text(value: AttributeValue) -> str | None:
    return f"{value:g}" if isinstance(value, int | float) else value
