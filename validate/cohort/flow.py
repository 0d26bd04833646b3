"""The participant flow up to inference, counted at every level. What came in is what is here plus what left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from validate.cohort.case import FlowStep
from validate.cohort.index import Candidate
from validate.cohort.select import Reasons

LABELS = {
    "not_dicom": "Not DICOM",
    "unreadable_header": "Header unreadable",
    "unreadable_file": "File unreadable",
    "empty_file": "Empty file",
    "symbolic_link": "Link, not followed",
    "no_identity": "No patient, study or instance id",
    "conflicting_patient": "Study under two patient ids",
    "conflicting_duplicate": "Same instance, different content",
    "duplicate_sop_instance": "Copy of a file that is in",
    "outside_period": "Outside the period",
}


def participant_flow(candidates: Sequence[Candidate], reasons: Reasons) -> tuple[FlowStep, ...]:
    """Found, excluded (one step a reason, the most frequent first), eligible."""
    steps = [_step("found", "remain", "Files found", candidates)]
    codes = Counter(code for code, _ in reasons.values())
    for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0])):
        left = [candidates[at] for at, (reason, _) in reasons.items() if reason == code]
        steps.append(_step(f"excluded:{code}", "leave", reason_label(code), left, {code: count}))
    eligible = [candidate for at, candidate in enumerate(candidates) if at not in reasons]
    steps.append(_step("eligible", "remain", "Eligible images", eligible))
    return tuple(steps)


def reason_label(code: str) -> str:
    """A reason code in words: "rule:age" → "By the rule on age"."""
    if code.startswith("rule:"):
        _, name, *missing = code.split(":")
        attribute = name.replace("_", " ")
        return f"No {attribute} in the header" if missing else f"By the rule on {attribute}"
    return LABELS.get(code, code.replace("_", " ").capitalize())


def _step(
    name: str, kind: str, label: str, members: Iterable[Candidate], reasons: dict[str, int] | None = None
) -> FlowStep:
    members = list(members)
    return FlowStep(
        id=name,
        kind=kind,
        label=label,
        files=len(members),
        images=sum(bool(member.keys) for member in members),
        studies=len({member.keys.get("study_instance_uid", "") for member in members} - {""}),
        patients=len({member.keys.get("patient_id", "") for member in members} - {""}),
        reasons=reasons or {},
    )
