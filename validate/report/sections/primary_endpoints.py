"""R12: every criterion against its goal, and every endpoint besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, titled
from validate.estimation.group_gaps import DIFFERENCE, REST
from validate.report import view
from validate.report.criterion import criterion_lines, criterion_name, tone_of
from validate.report.figures.forest import Axis, Row, forests
from validate.report.methods import footnotes, short
from validate.report.printed import Printed, joined, printed
from validate.report.profile_words import CRITERIA, reader
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.study import Study
from validate.report.table import Column, Table, row
from validate.report.table import Row as TableRow

DRAWN = {
    DIFFERENCE: ("Gaps between groups of patients", "R16"),
    REST: ("Differences of each scanner or site from all others", "R17"),
}
OWN_AXIS = ("mm", "ml", "count", "proportion_difference")


def content(study: Study) -> Mapping[str, Any]:
    return {
        "lead": CRITERIA[reader(study)],
        "criteria": criterion_lines(study),
        "figures": _figures(study),
        "endpoints": _endpoints(study),
        "without": view.reasons((endpoint_name(study, e), e) for e in study.locked_overall),
        "methods": footnotes([e["interval"]["method"].text for e in study.locked_overall if e["interval"]]),
        "gaps": _where_gaps_are_drawn(study),
        "daggers": any(flag_mark(e) for e in study.locked_overall),
        "differences": any(criterion["against"] for criterion in study.sealed.verdict["criteria"]),
    }


def _where_gaps_are_drawn(study: Study) -> list[tuple[str, str]]:
    """What the criteria on gaps hold against each other, and the section that draws it, by the kind of difference."""
    estimates = [
        study.sealed.estimate(one) for c in study.sealed.verdict["criteria"] if c["gap_of"] for one in c["estimates"]
    ]
    kinds = {found["contrast"]["kind"].text for found in estimates}
    return [DRAWN[kind] for kind in DRAWN if kind in kinds]


def _figures(study: Study) -> list[Any]:
    rows = []
    for criterion in study.sealed.verdict["criteria"]:
        found = study.sealed.estimate(criterion["estimate"])
        if not found or found["value"].value is None or criterion["hypothesis"]:
            continue  # differences of models are drawn in their own section, on their own axis
        unit, aim = found["unit"].text, float(criterion["goal"].value)
        name = criterion_name(study, criterion, whole=False)
        model = study.model_name(criterion["model"].text) if len(study.models) > 1 else Printed()
        rows.append(
            (
                unit,
                Row(
                    label=name,
                    sub=joined((model, _groups(criterion)), "; "),
                    value=found["value"].value,
                    low=found["interval"]["low"].value,
                    high=found["interval"]["high"].value,
                    words=view.brief(found, against=aim),
                    tone=tone_of(study, criterion),
                    goal=aim,
                    goal_words=view.goal_value(criterion["goal"], unit),
                    upward=criterion["direction"].text == "at_least",
                ),
            )
        )
    return [figure for name, kept in _on_one_axis(rows) for figure in _forest(name, kept)]


def _forest(name: str, rows: list[Row]) -> list[Any]:
    points = name.endswith("proportion_difference")
    axis = Axis(percent=points, count_title="", value_title="Estimate (limits)", tall=True)
    description = "Each criterion's estimate and limits against its goal: " + "; ".join(
        f"{r.label}: {r.words}, goal {r.goal_words}" for r in rows
    )
    return forests(name, rows, axis, title="Criteria against their goals", description=description)


def _on_one_axis(rows: list[tuple[str, Row]]) -> list[tuple[str, list[Row]]]:
    """Shares and indices together, each physical unit by itself."""
    kinds: dict[str, list[Row]] = {}
    for unit, one in rows:
        kinds.setdefault(f"criteria-{unit}" if unit in OWN_AXIS else "criteria", []).append(one)
    return list(kinds.items())


def _groups(criterion: Node) -> Printed:
    if not criterion["worst_level"]:
        return Printed()
    return printed(f"every {attribute_words(criterion['worst_of'].text)}; worst: ") + view.words(
        criterion["worst_level"]
    )


def _endpoints(study: Study) -> Table:
    several = len(study.models) > 1
    columns = (
        Column("Endpoint", width=33), Column("Role", width=12), Column("Fraction or n", numeric=True, width=15),
        Column("Estimate (limits)", width=24), Column("Limits by", width=16),
    )  # fmt: skip
    rows: list[TableRow] = []
    for model in study.models:
        mine = [e for e in study.locked_overall if e["model"].text == model["id"].text]
        if several and mine:
            rows.append(row(study.model_name(model), kind="head"))
        rows += [
            row(
                endpoint_name(study, e),
                view.words(e["role"]),
                view.fraction(e),
                view.brief(e) + flag_mark(e),
                _method(e),
            )
            for e in mine
        ]
    return Table("endpoints", columns, tuple(rows))


def endpoint_name(study: Study, estimate: Node) -> Printed:
    """The measure, with its threshold where it has one."""
    measure, condition = study.measure(estimate["metric"].text), estimate["condition"]
    title = titled(measure, condition.value or {})
    name = printed(title, condition.address if title != measure else None) + study.named_target(estimate["target"])
    threshold = estimate["condition"]["threshold"]
    return name + printed(" at threshold ") + view.words(threshold) if threshold.value is not None else name


def flag_mark(estimate: Node) -> str:
    """A dagger where the number holds for the share of positives in this sample only."""
    return " †" if "enriched_prevalence" in (estimate["flags"].value or []) else ""


def _method(estimate: Node) -> Printed:
    method = estimate["interval"]["method"]
    return printed(short(method.text), method.address) if method else printed("–")


SECTION = Section(
    id="R12", title="Primary endpoints", question="Does it meet the goals that were fixed beforehand?",
    template="sections/primary_endpoints.html.j2", content=content, opens_page=True,
    rank={"acceptance": 10, "submission": 120, "comparison": 10},
)  # fmt: skip
