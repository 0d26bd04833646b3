"""Attributes that a protocol takes straight from a DICOM tag, and which of them must not be shown as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from validate.cohort.identifiers import kind_of
from validate.cohort.index import Candidate
from validate.cohort.privacy import pseudonym
from validate.errors import DataError
from validate.protocol.cohort import AttributeSource

PSEUDONYMOUS = {"device", "institution"}
PLAIN = {"characteristic"}  # of a patient, such as sex and weight: what groups are made of


def check_tags(sources: Mapping[str, AttributeSource]) -> None:
    """Raises DataError where an attribute would carry what identifies a person: a name, a date, a UID, free text."""
    for name, source in sources.items():
        kind = kind_of(source.tag) if source.tag is not None else None
        if kind is not None and kind not in PSEUDONYMOUS | PLAIN:
            raise DataError(
                f"cohort.attributes.{name}: {source.tag} can identify a person ({kind}, PS3.15 Annex E) and must not "
                "become an attribute. Join a table of coded values instead."
            )


def hidden(candidates: Sequence[Candidate], sources: Mapping[str, AttributeSource], site_key: bytes) -> list[Candidate]:
    """The same candidates, with the names of devices and institutions as keyed pseudonyms."""
    kinds = {
        name: kind for name, source in sources.items() if source.tag and (kind := kind_of(source.tag)) in PSEUDONYMOUS
    }
    if not kinds:
        return list(candidates)
    return [replace(candidate, attributes=_hidden(candidate, kinds, site_key)) for candidate in candidates]


def _hidden(candidate: Candidate, kinds: Mapping[str, str], site_key: bytes) -> dict[str, str | float | None]:
    return {
        name: pseudonym(site_key, kinds[name], str(value)) if name in kinds and value is not None else value
        for name, value in candidate.attributes.items()
    }
