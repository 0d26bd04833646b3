"""Files → units of the study: an image, a series, a study or a patient, each of one or more files, under pseudonyms."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeVar

from validate.cohort.case import AttributeValue, Case
from validate.cohort.index import Candidate
from validate.cohort.privacy import pseudonym
from validate.cohort.reference import HasLabel
from validate.errors import DataError
from validate.protocol.schema import StudyProtocol

Value = TypeVar("Value")
UNIT_KEY = {
    "image": "sop_instance_uid",
    "series": "series_instance_uid",
    "study": "study_instance_uid",
    "patient": "patient_id",
}


def cases_of(
    eligible: Sequence[Candidate], protocol: StudyProtocol, labelled: HasLabel, site_key: bytes
) -> tuple[Case, ...]:
    """The units of these images, in the order of their content digests within study within patient. Raises DataError."""
    units = _by_unit(eligible, protocol)
    cases = [_case(name, members, protocol, labelled, site_key) for name, members in units.items()]
    first_of_patient, first_of_study = _first(cases, "patient"), _first(cases, "study")
    cases.sort(key=lambda case: (first_of_patient[case.patient], first_of_study[case.study], case.digest))
    return tuple(cases)


def left_cases(
    excluded: Sequence[Candidate],
    eligible: Sequence[Candidate],
    protocol: StudyProtocol,
    labelled: HasLabel,
    site_key: bytes,
) -> tuple[Case, ...]:
    """The units that were identified and of which nothing is in the study. What names nobody was never one."""
    there = _by_unit(eligible, protocol)
    left = _by_unit([one for one in excluded if one.keys.get("sop_instance_uid")], protocol)
    return tuple(
        _case(name, members, protocol, labelled, site_key) for name, members in left.items() if name not in there
    )


def _by_unit(candidates: Sequence[Candidate], protocol: StudyProtocol) -> dict[str, list[Candidate]]:
    key = UNIT_KEY.get(protocol.cohort.unit)
    if key is None:
        raise DataError(f"cohort.unit: {protocol.cohort.unit} can't be made of files; units are {', '.join(UNIT_KEY)}.")
    found: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        # An image outside any series is one by itself.
        found[candidate.keys.get(key, candidate.keys["sop_instance_uid"])].append(candidate)
    return found


def _first(cases: Sequence[Case], kind: str) -> dict[str, str]:
    first: dict[str, str] = {}
    for case in cases:
        group = str(getattr(case, kind))
        first[group] = min(first.get(group, case.digest), case.digest)
    return first


def _case(
    name: str, members: Sequence[Candidate], protocol: StudyProtocol, labelled: HasLabel, site_key: bytes
) -> Case:
    """One unit of one or more files; several files' attributes must agree, or the attribute is missing."""
    members = sorted(members, key=lambda member: str(member.digest))
    keys = _agreeing([member.keys for member in members])
    content = (
        members[0].digest
        if len(members) == 1
        else hashlib.sha256("".join(str(m.digest) for m in members).encode()).hexdigest()
    )
    agreed = _agreeing([member.attributes for member in members])
    attributes: Mapping[str, AttributeValue] = {name: agreed.get(name) for name in members[0].attributes}
    return Case(
        unit=pseudonym(site_key, protocol.cohort.unit, name),
        patient=pseudonym(site_key, "patient", keys.get("patient_id", name)),
        study=pseudonym(site_key, "study", keys.get("study_instance_uid", name)),
        series=pseudonym(site_key, "series", keys.get("series_instance_uid", name)),
        digest=str(content),
        attributes=attributes,
        has_label=labelled(keys, attributes),
        files=tuple(member.path for member in members),
        keys=keys,
    )


def _agreeing(mappings: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """Entries on which all agree."""
    first, *others = mappings
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
