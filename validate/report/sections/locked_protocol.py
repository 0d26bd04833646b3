"""R05: what was promised, as it was frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words
from validate.report import moments, view
from validate.report.criterion import criterion_lines
from validate.report.figures.canvas import Figure
from validate.report.figures.timeline import Moment, timeline
from validate.report.methods import short
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.sections.executive_verdict import first_inference
from validate.report.study import Study
from validate.report.table import Column, Table, row

RULES = {
    "worst_case": "counted as wrong (worst case)",
    "best_case": "counted as right (best case)",
    "exclude_and_report": "left out, and reported",
}
WHEN = {"before_unblinding": "before the labels were seen", "after_unblinding": "after the labels were seen"}
MOMENTS = {
    "started": "Run started", "resumed": "Run resumed", "cohort": "Cases read and counted", "locked": "Everything frozen",
    "lock_held": "Held against the earlier lock", "amended": "Amended", "unlocked": "Run without a lock",
    "inference_started": "Models begin to read cases", "inference_finished": "Models have read every case",
    "unblinded": "Labels joined to the outputs", "measured": "Outputs measured against the reference",
    "computed": "Numbers computed, verdict reached",
}  # fmt: skip
HANDED_IN = {
    "inference_started": "Outputs that were handed in begin to be read",
    "inference_finished": "Outputs of every case have been read",
}
SIGNS = (("at_least", "≥ "), ("at_most", "≤ "), ("one_of", ""), ("none_of", "not "))


def content(study: Study) -> Mapping[str, Any]:
    return {
        "locked": study.sealed.lock["locked"],
        "times": _times(study),
        "timeline": _timeline(study),
        "rules": _rules(study),
        "endpoints": _endpoints(study),
        "criteria": criterion_lines(study),
        "amendments": _amendments(study),
        "unlocked": not study.sealed.lock["locked"],
    }


def _times(study: Study) -> Table:
    """Lock before first look, as a fact from the log."""
    lock, trail = study.sealed.lock, study.sealed.audit
    unblinded = next((e["time"] for e in trail if e["type"].text == "unblinded"), trail["absent"])
    first = first_inference(study)
    rows = (
        row(
            "Locked",
            moments.second(lock["locked"]) if lock["locked"] else printed("never: everything here is exploratory"),
        ),
        row("First inference", moments.second(first) if first else printed("not run here: outputs were handed in")),
        row(
            "Labels joined to outputs",
            moments.second(unblinded) if unblinded else printed("no such event in the trail"),
        ),
        row("Amendments", _amended(lock["amendments"])),
    )
    return Table("lock-times", (Column(""), Column("")), rows)


def _timeline(study: Study) -> Figure | None:
    """The events of the trail that a reader needs to see in order."""
    events = [event for event in study.sealed.audit if event["type"].text in MOMENTS]
    seen = next((place for place, event in enumerate(events) if event["type"].text == "unblinded"), len(events))
    named = MOMENTS | HANDED_IN if len(study.unwitnessed) == len(study.models) else MOMENTS
    drawn = [
        Moment(
            moments.second(event["time"]), printed(named[event["type"].text], event["type"].address),
            "seen" if place == seen else "before" if place < seen else "after",
        )
        for place, event in enumerate(events)
    ]  # fmt: skip
    if len(drawn) < 2:
        return None
    spoken = "; ".join(f"{one.time}: {one.label}" for one in drawn)
    return timeline("timeline", drawn, description=f"Events of the run in order. {spoken}.")


def _amended(amendments: Node) -> Printed:
    if not amendments:
        return printed("none")
    return printed(str(len(amendments)), amendments.length_address()) + ", listed below"


def _amendments(study: Study) -> Table | None:
    """What was changed after the first lock, in the words of whoever changed it."""
    amendments = study.sealed.lock["amendments"]
    if not amendments:
        return None
    columns = (
        Column("No.", numeric=True, width=5),
        Column("When", width=23),
        Column("Who", width=16),
        Column("What", width=32),
        Column("Why", width=24),
    )
    rows = (
        row(
            view.words(one["number"]),
            view.words(one["severity"]) + ", " + view.choice(one["when"], WHEN) + ", " + moments.second(one["time"]),
            view.words(one["actor"]),
            joined((_changed(line) for line in one["what"]), "; "),
            view.words(one["why"]),
        )
        for one in amendments
    )
    return Table("amendments", columns, tuple(rows))


def _changed(line: Node) -> Printed:
    """The place that changed; the digests stay in the lock."""
    return printed(line.text.split(": ", 1)[0].removeprefix("protocol.blocks."), line.address)


def _rules(study: Study) -> Table:
    protocol = study.protocol
    cohort, inference = protocol["cohort"], protocol["inference"]
    rows = (
        row("Unit of analysis", printed("one ") + view.words(cohort["unit"]) + "; resampled by " + view.words(cohort["cluster"])),
        row("Sampling", view.words(cohort["sampling"])),
        row("Period", _period(cohort["period"])),
        row("Included", joined(map(_rule, cohort["include"]), "; ") or printed("every image of the source")),
        row("Excluded", joined(map(_rule, cohort["exclude"]), "; ") or printed("nothing beyond the above")),
        row("Unreadable file", _missing_rule(cohort["on_unreadable"])),
        row("No output", _missing_rule(inference["on_failure"])),
        row("Strata", joined((printed(attribute_words(s.text), s.address) for s in protocol["strata"]), ", ") or printed("none")),
        row("Random numbers", printed("seed ") + view.words(protocol["seed"]) + ", "
            + view.count(protocol["resampling"]["replicates"], "resample")),
    )  # fmt: skip
    return Table("rules", (Column(""), Column("")), rows)


def _missing_rule(node: Node) -> Printed:
    return printed(RULES.get(node.text, node.text), node.address) if node else view.words(node)


def _period(period: Node) -> Printed:
    return moments.day(period["from"]) + " to " + moments.day(period["to"]) if period else printed("not limited")


def _rule(rule: Node) -> Printed:
    said = (printed(sign) + view.words(rule[key]) for key, sign in SIGNS if rule[key].value is not None)
    name = rule["attribute"]
    return printed(attribute_words(name.text), name.address) + " " + joined(said, " and ")


def _endpoints(study: Study) -> Table:
    columns = (
        Column("Endpoint", width=36),
        Column("Role", width=14),
        Column("Limits", width=22),
        Column("Why", width=28),
    )
    rows = (
        row(
            printed(study.endpoint_title(endpoint["id"].text), endpoint["metric"].address),
            view.words(endpoint["role"]),
            _interval(endpoint["interval"]),
            view.words(endpoint["rationale"], "–"),
        )
        for endpoint in study.protocol["endpoints"]
    )
    return Table("endpoints-locked", columns, tuple(rows))


def _interval(interval: Node) -> Printed:
    if not interval:
        return printed("as the metric's default")
    method = interval["method"]
    return view.level(interval) + " " + printed(short(method.text), method.address)


SECTION = Section(
    id="R05", title="Protocol as locked", question="What was promised beforehand",
    template="sections/locked_protocol.html.j2", content=content, rank={"acceptance": 170, "comparison": 170},
)  # fmt: skip
