"""R14: whether it holds on every scanner and in every group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from validate.report import view
from validate.report.criterion import tone_of
from validate.report.figures.canvas import Figure, Tone
from validate.report.figures.forest import Axis, Row, forests
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Table, row
from validate.report.table import Row as TableRow

MOST_COLUMNS = 4  # further endpoints side by side


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = [f for f in study.sealed.all_findings("strata") if f["data"]["endpoints"]]
    if not findings:
        return Missing(
            "results by group: the protocol names no strata, or nothing could be estimated in them (strata: [...])",
            "whoever writes the protocol, before the lock",
        )
    return {"models": [_model(study, finding, several=len(findings) > 1) for finding in findings]}


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    entries = list(finding["data"]["endpoints"])
    shown = [entry for entry in entries if entry["role"].text == "primary"] or entries[:1]
    others = [entry for entry in entries if all(entry.path != s.path for s in shown)]
    model = finding["model"].text
    return {
        "name": study.model_name(model) if several else Printed(),
        "endpoints": [_endpoint(study, entry, model) for entry in shown],
        "others": [
            _others(study, others[start : start + MOST_COLUMNS], f"{study.key(model)}-{start}")
            for start in range(0, len(others), MOST_COLUMNS)
        ],
        "without": _without(study, others),
        "exploratory": not finding["prespecified"].value,
    }


def _endpoint(study: Study, entry: Node, model: str) -> Mapping[str, Any]:
    key = f"{study.key(model)}-{entry.path[-1]}"
    return {
        "label": printed(study.endpoint_title(entry["endpoint"].text), entry["label"].address),
        "statement": view.words(entry["statement"], ""),
        "events": study.events(entry["endpoint"].text),
        "figures": _forest(study, entry, model, f"forest-{key}"),
        "differences": _differences(study, entry, f"differences-{key}"),
        "without": _without(study, [entry]),
        "own_goal": any(group["goal"] for group in entry["groups"]),
        "goal": bool(entry["goal"]),
        "points": entry["unit"].text == "proportion",
        "level": view.level(study.sealed.estimate(entry["overall"])["interval"]),
        "limits": study.sealed.estimate(entry["overall"])["interval"].value is not None,
    }


def _forest(study: Study, entry: Node, model: str, name: str) -> list[Figure]:
    unit = entry["unit"].text
    overall = study.sealed.estimate(entry["overall"])
    rows = [_row("All cases", overall, None), *_group_rows(study, entry, model)]
    if all(one.value is None for one in rows):
        return []  # nothing to draw: the table says why
    goal = entry["goal"]["value"]
    title = study.endpoint_title(entry["endpoint"].text)
    axis = Axis(
        percent=unit.startswith("proportion"),
        goal=goal.value,
        goal_words="goal " + view.goal_value(goal, unit) if goal.value is not None else "",
        count_title="patients",
        value_title=study.endpoint_words(entry["endpoint"].text) + " (limits)",
    )
    spoken = "; ".join(f"{r.label}: {r.words}" for r in rows if not r.head)
    return forests(name, rows, axis, title=f"{title} by group", description=f"{title} by group. {spoken}.")


def _group_rows(study: Study, entry: Node, model: str) -> Iterator[Row]:
    tones = _tones(study, entry, model)
    for group in entry["groups"]:
        own = group["goal"]["value"].value
        aim = view.goal_value(group["goal"]["value"], entry["unit"].text)
        yield Row(view.words(group["label"]), head=True, goal=own, goal_words="goal " + aim if aim else "")
        for one in group["rows"]:
            estimate = study.sealed.estimate(one["estimate"])
            goal = group["goal"]["value"].value
            tone = tones.get((group["attribute"].text, one["level"].text), "ink")
            yield _row(
                view.words(one["level"]), estimate, goal, tone=tone, faint=one["greyed"].value is True, entry=group
            )


def _row(
    label: Printed | str, estimate: Node, goal: float | None, *, tone: Tone = "ink", faint: bool = False,
    entry: Node | None = None,
) -> Row:  # fmt: skip
    upward = entry is None or entry["goal"]["direction"].text != "at_most"
    words = view.estimate(estimate, against=goal) if estimate["interval"] else _short(estimate)
    return Row(
        label, view.count(estimate["n_patients"]), estimate["value"].value, estimate["interval"]["low"].value,
        estimate["interval"]["high"].value, words, tone, faint=faint, goal=goal,
        upward=upward,
    )  # fmt: skip


def _short(estimate: Node) -> Printed:
    """What a forest has room for where there are no limits; the reason stands in the table below it."""
    if estimate["value"].value is None:
        return printed("not defined", estimate["reason"].address)
    return view.value_only(estimate) + " (too few)"


def _tones(study: Study, entry: Node, model: str) -> dict[tuple[str, str], Tone]:
    """Coloured: what a criterion rests on and does not pass, and what is worse than all others beyond chance."""
    tones: dict[tuple[str, str], Tone] = {}
    for criterion in study.sealed.verdict["criteria"]:
        mine = criterion["endpoint"].text == entry["endpoint"].text and criterion["model"].text == model
        if mine and criterion["worst_of"] and (tone := tone_of(study, criterion)) != "ink":
            tones[criterion["worst_of"].text, criterion["worst_level"].text] = tone
    for claim in entry["claimed"]:
        tones[claim["attribute"].text, claim["level"].text] = "fail"
    return tones


def _differences(study: Study, entry: Node, name: str) -> Table:
    unit = _in_unit(entry["unit"].text)
    less = f"Less all others ({unit})" if unit else "Less all others"
    columns = (
        Column("Group", width=18), Column("Patients", numeric=True, width=9), Column("Events", numeric=True, width=8),
        Column("Estimate (limits)", width=21), Column(less, width=25),
        Column("All groups at once", width=19),
    )  # fmt: skip
    rows: list[TableRow] = []
    for group in entry["groups"]:
        rows.append(
            row(
                view.words(group["label"])
                + _heterogeneity(group["heterogeneity"])
                + _gap(group["gap"], entry["unit"].text),
                kind="head",
            )
        )
        rows += [_difference(study, one, entry["unit"].text) for one in group["rows"]]
    return Table(name, columns, tuple(rows))


def _heterogeneity(test: Node) -> Printed | str:
    if test["p"].value is None:
        return printed(" · no test: ") + view.words(test["reason"], "no reason recorded")
    found = printed(" · do the levels differ? ") + view.p_value(test["p"]) + ", I² " + view.share(test["i_squared"], 0)
    if test["i_squared_low"].value is not None:
        found = (
            found + " (" + view.share(test["i_squared_low"], 0) + " to " + view.share(test["i_squared_high"], 0) + ")"
        )
    if test["between_sd"].value is not None:
        found = found + ", SD between levels " + view.plain(test["between_sd"], 3)
    return found


def _gap(gap: Node, unit: str) -> Printed | str:
    """Without limits, because there are no honest ones."""
    if not gap:
        return ""
    words = _in_unit(unit)
    return printed(" · largest less smallest ") + view.signed(gap["value"], unit) + (f" {words}" if words else "")


def _in_unit(unit: str) -> str:
    """What a difference is counted in; empty where it has no unit."""
    return {"proportion": "points", "proportion_difference": "points", "mm": "mm", "ml": "ml"}.get(unit, "")


def _difference(study: Study, one: Node, unit: str) -> TableRow:
    estimate, difference = study.sealed.estimate(one["estimate"]), one["difference"]
    why = one["why_greyed"]
    found = view.brief(estimate)
    if not difference:
        valued = estimate["value"].value is not None  # why there is no value stands below the table
        told: Printed = view.words(why, "–") if why and valued else printed("–")
        together: Printed | str = "–"
    else:
        told = view.difference(difference, unit) if difference["value"].value is not None else _undefined(difference)
        together = view.limits_signed(difference, unit, low="simultaneous_low", high="simultaneous_high")
    if difference["excludes_zero"].value is True:
        together = together + " ●"
    return row(
        view.words(one["level"]), view.count(one["n_patients"]), view.count(one["n_events"]), found, told, together,
        kind="faint" if one["greyed"].value is True else "",
    )  # fmt: skip


def _undefined(difference: Node) -> Printed:
    """In short: why a group has no value stands below the table."""
    return Printed(printed("not defined", difference["reason"].address).pieces, absent=True)


def _without(study: Study, entries: list[Node]) -> list[Printed]:
    """Which groups have no limits and why, each reason once."""
    return view.reasons(
        (view.words(group["label"]) + " " + view.words(one["level"]), study.sealed.estimate(one["estimate"]))
        for entry in entries
        for group in entry["groups"]
        for one in group["rows"]
    )


def _others(study: Study, entries: list[Node], key: str) -> Table:
    """The other endpoints side by side."""
    columns = (Column("Group", width=24), *(Column(study.endpoint_words(e["endpoint"].text)) for e in entries))
    rows: list[TableRow] = [
        row("All cases", *(view.brief(study.sealed.estimate(e["overall"])) for e in entries), kind="total")
    ]
    groups = {g["attribute"].text: g for e in entries for g in e["groups"]}
    for attribute, first in groups.items():
        rows.append(row(view.words(first["label"]), kind="head"))
        found = [
            {o["level"].text: o for g in e["groups"] if g["attribute"].text == attribute for o in g["rows"]}
            for e in entries
        ]
        for level in dict.fromkeys(name for one in found for name in one):
            cells = [
                view.brief(study.sealed.estimate(one[level]["estimate"])) if level in one else "–" for one in found
            ]
            name = next(view.words(one[level]["level"]) for one in found if level in one)
            greyed = all(one[level]["greyed"].value is True for one in found if level in one)
            rows.append(row(name, *cells, kind="faint" if greyed else ""))
    return Table(f"others-{key}", columns, tuple(rows))


SECTION = Section(
    id="R14", title="Results by group", question="Does it hold on every scanner and in every group?",
    template="sections/strata.html.j2", content=content, rank={"acceptance": 20, "comparison": 20},
)  # fmt: skip
