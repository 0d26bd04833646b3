"""R24: what happened, in order, and how anybody can check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, sentence_case
from validate.report import digests, moments, view
from validate.report.printed import Printed, joined, printed
from validate.report.reasons import reason_words
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.stated import ACCESS, stated
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

MOST_EVENTS = 24
OF_A_SHARD = {"shard_written", "shard_kept", "node_answers"}  # as many as the run is long; they stay in the trail
WORDS = {
    "started": "Run started", "resumed": "Run resumed", "stopped": "Run stopped", "cohort": "Cohort read",
    "locked": "Protocol, cohort and models locked", "lock_held": "Lock held against what is here",
    "unlocked": "No lock: exploratory", "refused": "Refused: it differs from the lock", "unblinded": "Labels joined to outputs",
    "pictures": "Slices of single cases kept", "shift_reference": "Reference cohort read",
    "computed": "Numbers computed", "torn_line_removed": "Torn last line removed after a crash",
    "clock_went_back": "The clock went back", "environment": "Environment noted", "batch_size_probed": "Batch size found",
    "inference_started": "Inference started", "inference_finished": "Inference finished",
    "state": "State", "amended": "Lock amended", "measured": "Outputs measured case by case",
    "predictions_joined": "Outputs handed in were joined",
    "node_answers": "A node answered, or did not",
    "late_answer": "A node answered too late",
}  # fmt: skip


def content(study: Study) -> Mapping[str, Any] | Missing:
    trail = study.sealed.audit
    if not len(trail):
        return Missing("the audit trail", "whoever runs the study")
    events = [event for event in trail if event["type"].text not in OF_A_SHARD]
    shown = events if len(events) <= MOST_EVENTS else [*events[: MOST_EVENTS // 2], *events[-MOST_EVENTS // 2 :]]
    columns = (
        Column("No.", numeric=True, width=6),
        Column("Time", width=25),
        Column("Who", width=18),
        Column("Event", width=22),
        Column("Details", width=29),
    )
    return {
        "stated": stated(study, "stated-access", ACCESS),
        "events": Table("audit", columns, tuple(_event(event) for event in shown)),
        "left_out": len(shown) < len(events),
        "head": digests.fingerprint(events[-1]["hash"], 64),
        "manifest": printed(digests.whole_digest(study.sealed.manifest_digest), "evidence/manifest.json#"),
    }


def _event(event: Node) -> Row:
    kind = event["type"]
    what = printed(WORDS.get(kind.text, sentence_case(attribute_words(kind.text))), kind.address)
    if kind.text == "state":
        data = event["data"]
        what = view.words(data["old"]) + " → " + view.words(data["new"])
        details = view.words(data["reason"])
        return row(view.words(event["seq"]), moments.second(event["time"]), view.words(event["actor"]), what, details)
    details = _details(event["data"])
    return row(view.words(event["seq"]), moments.second(event["time"]), view.words(event["actor"]), what, details)


def _details(data: Node) -> Printed:
    return joined(
        (printed(attribute_words(key), value.name_address) + " " + _short(value) for key, value in data.items()), ", "
    ) or printed("–")


def _short(value: Node) -> Printed:
    text = value.text
    if isinstance(value.value, dict):
        members = sorted(value.items(), key=lambda one: int(one[0])) if _counted(value) else value.items()
        between = ": " if _counted(value) else " "
        return joined((_spelt(key, inner) + between + _short(inner) for key, inner in members), ", ") or printed("none")
    return (
        digests.fingerprint(value, 8)
        if len(text) == 64 and set(text) <= set("0123456789abcdef")
        else view.words(value, "none")
    )


def _counted(value: Node) -> bool:
    """Whether it is by number, such as milliseconds by size of batch."""
    return all(key.isdecimal() for key, _ in value.items())


def _spelt(key: str, member: Node) -> Printed:
    """A code of failure in words; whatever else is named, as it is."""
    if ":" not in key:
        return printed(attribute_words(key), member.name_address)
    words = reason_words(key)
    return printed(words[0].lower() + words[1:])


SECTION = Section(
    id="R24", title="Audit trail", question="What happened, in order",
    template="sections/audit_trail.html.j2", content=content, rank={"acceptance": 174, "comparison": 174},
)  # fmt: skip
