"""What a DICOM object speaks of: its study, and the series and instances it refers to; and whether that is a case.

Sources: PS3.3 C.17.2 (evidence of an SR), C.7.6.16 (source images), C.11.11 (references of a presentation state).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from validate.cohort.case import Case
from validate.models.dicom_items import content, items, text

Level = Literal["study", "series", "image"]
KEYS: Mapping[Level, str] = {
    "study": "study_instance_uid",
    "series": "series_instance_uid",
    "image": "sop_instance_uid",
}
EVIDENCE = (
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
)


@dataclass(frozen=True, slots=True)
class References:
    """What an object speaks of. In memory only: these are identifiers."""

    study: str
    studies: frozenset[str] = field(repr=False)
    series: frozenset[str] = field(repr=False)
    instances: frozenset[str] = field(repr=False)


def references(dataset: Any) -> References:
    """The object's own study, and every study, series and instance that it refers to outside of it."""
    studies, series, instances = set[str](), set[str](), set[str]()
    for study in items(dataset, *EVIDENCE):
        studies.add(text(study, "StudyInstanceUID"))
        _series(study, series, instances)
    _series(dataset, series, instances)
    for image in items(dataset, "SourceImageSequence", "ReferencedImageSequence"):
        instances.add(text(image, "ReferencedSOPInstanceUID"))
    for item in content(dataset):
        for image in items(item, "ReferencedSOPSequence"):
            instances.add(text(image, "ReferencedSOPInstanceUID"))
    return References(
        text(dataset, "StudyInstanceUID"),
        frozenset(studies - {""}),
        frozenset(series - {""}),
        frozenset(instances - {""}),
    )


def refers_to(refers: References, case: Case, level: Level) -> bool:
    """Whether an object is of this case: of its study, and, where asked, of its series or one of its images."""
    if refers.study != case.keys.get(KEYS["study"]) or (refers.studies and refers.study not in refers.studies):
        return False
    if level == "study":
        return True
    if level == "series":
        return case.keys.get(KEYS["series"]) in refers.series
    return not refers.instances.isdisjoint(instances_of(case))


def instances_of(case: Case) -> frozenset[str]:
    """SOP instance UIDs of a case: its own key, or, where it has several files, those in their headers."""
    own = case.keys.get(KEYS["image"])
    if own is not None or not case.files:
        return frozenset({own} if own is not None else ())
    from pydicom import dcmread

    found = set()
    for path in case.files:
        header = dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        found.add(str(header.get("SOPInstanceUID", "")))
    return frozenset(found - {""})


def _series(item: Any, series: set[str], instances: set[str]) -> None:
    for one in items(item, "ReferencedSeriesSequence"):
        series.add(text(one, "SeriesInstanceUID"))
        for image in items(one, "ReferencedSOPSequence", "ReferencedInstanceSequence", "ReferencedImageSequence"):
            instances.add(text(image, "ReferencedSOPInstanceUID"))
