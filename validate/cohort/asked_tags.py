"""Attributes that a protocol takes straight from a DICOM tag, and which of them must not be shown as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from validate.cohort.case import AttributeValue
from validate.cohort.identifiers import kind_of, tag_number
from validate.cohort.index import Candidate
from validate.cohort.period import period_of
from validate.cohort.privacy import pseudonym
from validate.errors import DataError
from validate.protocol.cohort import AttributeSource, Step

PSEUDONYMOUS = {"device", "institution"}
OF_TIME = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime", "InstanceCreationDate")
PLAIN = {"characteristic"}  # of a patient, such as sex and weight: what groups are made of


def check_tags(sources: Mapping[str, AttributeSource]) -> None:
    """Raises DataError where an attribute would carry what identifies a person: a name, a date, a UID, free text."""
    for name, source in sources.items():
        kind = kind_of(source.tag) if source.tag is not None else None
        if source.tag is not None and source.by is not None:
            if tag_number(source.tag) not in {tag_number(known) for known in OF_TIME}:
                raise DataError(
                    f"cohort.attributes.{name}: by: {source.by} goes with a date of the examination ({', '.join(OF_TIME)}); "
                    f"got {source.tag}."
                )
        elif kind == "date":
            raise DataError(
                f"cohort.attributes.{name}: {source.tag} can identify a person (date, PS3.15 Annex E) and must not become an attribute. "
                "Of the date of an examination, the step of time can: add by: month, or week, quarter or year."
            )
        elif kind is not None and kind not in PSEUDONYMOUS | PLAIN:
            raise DataError(
                f"cohort.attributes.{name}: {source.tag} can identify a person ({kind}, PS3.15 Annex E) and must not "
                "become an attribute. Join a table of coded values instead."
            )


def hidden(candidates: Sequence[Candidate], sources: Mapping[str, AttributeSource], site_key: bytes) -> list[Candidate]:
    """The same candidates, with the names of devices and institutions as keyed pseudonyms, and dates as the steps of time asked for."""
    kinds = {
        name: kind for name, source in sources.items() if source.tag and (kind := kind_of(source.tag)) in PSEUDONYMOUS
    }
    steps = {name: source.by for name, source in sources.items() if source.tag and source.by}
    if not kinds and not steps:
        return list(candidates)
    return [replace(candidate, attributes=_hidden(candidate, kinds, steps, site_key)) for candidate in candidates]


def _hidden(
    candidate: Candidate, kinds: Mapping[str, str], steps: Mapping[str, Step], site_key: bytes
) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = dict(candidate.attributes)
    for name, value in candidate.attributes.items():
        if name in steps:
            found[name] = period_of(value, steps[name])
        elif name in kinds and value is not None:
            found[name] = pseudonym(site_key, kinds[name], str(value))
    return found
