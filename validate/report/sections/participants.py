"""R06: who is in, who is out, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.figures.flow import Box, flow
from validate.report.participants_by import as_before, breakdowns
from validate.report.printed import Printed, joined, printed
from validate.report.reasons import reason_words
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.stated import DATA, stated
from validate.report.study import Study
from validate.report.table import Column, Table, row

MOST_REASONS = 8
SIGNS = {"remain": "", "leave": "− ", "join": "+ ", "among": "of these: "}
LEVELS, STEP = ("files", "images", "series", "studies", "patients"), 40
FEW_EXCLUSIONS = 3  # more are drawn on a line each


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("participants")
    if not findings:
        return Missing("the participant flow", "whoever runs the study: run it again with this version")
    shown = [
        {
            "statement": view.words(finding["statement"]),
            "figure": _figure(study, finding),
            "model": study.model_name(finding["model"].text) if len(findings) > 1 else Printed(),
            "as_before": place > 0 and as_before(finding, findings[0]),
            "by": [] if place > 0 and as_before(finding, findings[0]) else breakdowns(study, finding, first=place == 0),
        }
        for place, finding in enumerate(findings)
    ]
    return {
        "flows": shown, "table": _table(findings[0]), "lesions": _lesions(study), "stated": stated(study, "stated-data", DATA),
    }  # fmt: skip


def step_of(study: Study, name: str) -> Node:
    """The step of the first model's flow with this id; a Node without value when there is none."""
    steps = study.sealed.finding("participants")["data"]["steps"]
    return next((step for step in steps if step["id"].text == name), steps["absent"])


def analysed_step(study: Study) -> Node:
    return step_of(study, "analysed")


def rows_of(study: Study, step: Node) -> tuple[Node, str]:
    """The count of a step in the study's unit, and its noun; before rows are made, of images."""
    if step["units"].value is not None:
        return step["units"], study.unit
    return step["images"], "image"


def _figure(study: Study, finding: Node) -> Any:
    steps = [step for step in finding["data"]["steps"] if not _empty(step)]
    compact = sum(step["id"].text.startswith("excluded:") for step in steps) > FEW_EXCLUSIONS
    boxes = [_box(study, step, compact=compact) for step in steps]
    spoken = "; ".join(f"{box.label}: {box.counts}" for box in boxes)
    return flow(
        f"flow-{study.key(finding['model'].text)}",
        boxes,
        description=f"Flow from files found to cases analysed. {spoken}.",
    )


def _empty(step: Node) -> bool:
    """A leaving step that nobody took."""
    counts = [step[level].value for level in ("files", "images", "studies", "patients")]
    return step["kind"].text != "remain" and not any(counts)


def _box(study: Study, step: Node, *, compact: bool) -> Box:
    leaves = step["kind"].text != "remain"
    joins = step["kind"].text == "join"
    first, noun = rows_of(study, step)
    if step["id"].text == "found" or not first.value:
        first, noun = step["files"], "file"
    parts: list[Printed | str] = [view.count(first, noun)]
    if isinstance(step["patients"].value, int) and step["patients"].value > 0:
        parts.append(view.count(step["patients"], "patient"))
    reasons = list(step["reasons"].items())
    single = len(reasons) == 1 and step["id"].text.startswith("excluded:")
    lines = [printed(f"{reason_words(code)}: ") + view.count(number) for code, number in reasons][:MOST_REASONS]
    return Box(
        view.words(step["label"]), joined(parts, " · "), leaves, () if single else tuple(lines),
        "accent" if step["id"].text == "analysed" else "ink", compact and step["id"].text.startswith("excluded:"), joins,
    )  # fmt: skip


def _table(finding: Node) -> Table:
    """The same counts at every level that the cohort knows: they add up from top to bottom."""
    steps = list(finding["data"]["steps"])
    levels = [level for level in LEVELS if level != "series" or any(step[level].value is not None for step in steps)]
    columns = (Column("Step", width=STEP), *(Column(level.capitalize(), numeric=True) for level in levels))
    rows = []
    for step in steps:
        cells = [view.count(step[level], absent="–") for level in levels]
        sign = SIGNS[step["kind"].text]
        rows.append(row(printed(sign) + view.words(step["label"]), *cells, kind="" if sign else "total"))
    return Table("flow-counts", columns, tuple(rows))


def _lesions(study: Study) -> Printed:
    """How many the reference names among the cases analysed, of each kind; empty where a study has none."""
    targets = list(study.sealed.finding("marks")["data"]["targets"])
    return joined(
        (
            (view.words(target["words"]) + ": " if len(targets) > 1 else Printed())
            + view.count(target["counts"]["lesions"], "lesion") + " in " + view.count(target["counts"]["abnormal"]) + " of "
            + view.count(target["counts"]["cases"], study.unit)
            for target in targets
        ),
        "; ",
    )  # fmt: skip


SECTION = Section(
    id="R06", title="Data set and flow", question="Who is in, who is out, and why",
    template="sections/participants.html.j2", content=content, opens_page=True,
    rank={"acceptance": 165, "comparison": 165},
)  # fmt: skip
