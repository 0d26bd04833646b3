"""The participant flow up to inference, counted at every level. What came in is what is here plus what left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from validate.cohort.case import FlowStep
from validate.cohort.index import Candidate
from validate.cohort.select import Reasons

LABELS = {
    "not_dicom": "Not DICOM",
    "not_nifti": "Not NIfTI",
    "name_not_read": "File name not as the protocol says",
    "no_image": "Image not there",
    "not_an_image": "DICOM, but no image",
    "not_a_file": "No file",
    "unreadable_header": "Header unreadable",
    "unreadable_file": "File unreadable",
    "unreadable_folder": "Folder unreadable",
    "empty_file": "Empty file",
    "symbolic_link": "Link, not followed",
    "no_identity": "No patient, study or instance id",
    "conflicting_patient": "Study under two patient ids",
    "conflicting_duplicate": "Same instance, different content",
    "duplicate_sop_instance": "Copy of a file that is in",
    "outside_period": "Outside the period",
    "time_limit": "Took longer than a file may take",
    "reader_died": "Its reader died of it",
    "no_pixel_data": "No pixels",
    "truncated": "Cut short",
    "missing_file": "Listed, and not there",
    "unreadable_listing": "List of a DICOMDIR unreadable",
    "unsafe_name": "Name leads out of its source",
    "repeated_name": "Name that the archive has twice",
    "encrypted": "Encrypted",
    "archive": "Archive inside an archive",
    "archive_bomb": "Unpacks past all bounds",
    "unreadable_archive": "Archive unreadable",
    "privacy:identifiers": "Identifiers in the header",
    "privacy:burned_in": "Text in the pixels",
}


def participant_flow(candidates: Sequence[Candidate], reasons: Reasons) -> tuple[FlowStep, ...]:
    """Found, excluded (one step a reason, the most frequent first), eligible.

    A series, study or patient leaves with its last image: in the step after which nothing of it is left. So what was found,
    less what left, is what remains, at every level.
    """
    series = _knows_series(candidates)
    steps = [_step("found", "remain", "Files found", candidates, series=series)]
    codes = Counter(code for code, _ in reasons.values())
    remaining = dict(enumerate(candidates))
    for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0])):
        left = [remaining.pop(at) for at, (reason, _) in reasons.items() if reason == code]
        steps.append(_left(code, left, list(remaining.values()), {code: count}, series=series))
    steps.append(_step("eligible", "remain", "Eligible images", remaining.values(), series=series))
    return tuple(steps)


def reason_label(code: str) -> str:
    """A reason code in words: "rule:age" → "By the rule on age"."""
    if code.startswith("rule:"):
        _, name, *missing = code.split(":")
        attribute = name.replace("_", " ")
        return f"Without {attribute}" if missing else f"By the rule on {attribute}"
    return LABELS.get(code, code.replace("_", " ").capitalize())


def _left(
    code: str, left: Sequence[Candidate], remaining: Sequence[Candidate], reasons: Mapping[str, int], *, series: bool
) -> FlowStep:  # fmt: skip
    return FlowStep(
        id=f"excluded:{code}",
        kind="leave",
        label=reason_label(code),
        files=len(left),
        images=sum(bool(member.keys) for member in left),
        studies=len(_named(left, "study_instance_uid") - _named(remaining, "study_instance_uid")),
        patients=len(_named(left, "patient_id") - _named(remaining, "patient_id")),
        reasons=reasons,
        series=len(_series(left) - _series(remaining)) if series else None,
    )


def _step(name: str, kind: str, label: str, members: Iterable[Candidate], *, series: bool) -> FlowStep:
    members = list(members)
    return FlowStep(
        id=name,
        kind=kind,
        label=label,
        files=len(members),
        images=sum(bool(member.keys) for member in members),
        studies=len(_named(members, "study_instance_uid")),
        patients=len(_named(members, "patient_id")),
        series=len(_series(members)) if series else None,
    )


def _knows_series(members: Iterable[Candidate]) -> bool:
    """A row of a table has no series, and stands under the name of its study."""
    keys = (member.keys for member in members)
    return any(
        one.get("series_instance_uid", one.get("study_instance_uid")) != one.get("study_instance_uid") for one in keys
    )


def _series(members: Iterable[Candidate]) -> set[str]:
    """An image outside any series is one by itself."""
    keys = (member.keys for member in members if member.keys)
    return {name for one in keys if (name := one.get("series_instance_uid") or one.get("sop_instance_uid"))}


def _named(members: Iterable[Candidate], key: str) -> set[str]:
    return {member.keys[key] for member in members if key in member.keys}
