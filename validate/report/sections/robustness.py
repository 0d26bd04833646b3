"""R17: whether it holds on every scanner and on disturbed images, and what it says to other files and to foreign images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validate.analyses.wording import sentence_case
from validate.report import view
from validate.report.adjusted import adjusted_table, weighted_table
from validate.report.compared import input_guard, metamorphic
from validate.report.disturbed import disturbed
from validate.report.figures.canvas import Figure
from validate.report.figures.confounding import Mix, confounding_map
from validate.report.gap_forest import CONCLUSIONS, Gap, gap_forest, told
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.shifted import shifted
from validate.report.study import Study
from validate.report.table import Column, Table, row
from validate.report.table import Row as TableRow

NOTHING = Missing(
    "how it stands up to other scanners, disturbed images, other files and foreign images (analyses: scanner_shift, robustness, "
    "metamorphic, input_guard, shift)",
    "whoever writes the protocol, before the lock",
)
LACKING = {
    "robustness": "passes over disturbed images (analyses: robustness)",
    "metamorphic": "checks that the output does not move where it must not (analyses: metamorphic)",
    "input_guard": "images that the model is not meant for (analyses: input_guard)",
    "shift": "this cohort beside a reference (analyses: shift)",
    "scanner_shift": "each scanner left out (analyses: scanner_shift)",
}


def content(study: Study) -> Mapping[str, Any] | Missing:
    found = {name: study.sealed.all_findings(name) for name in LACKING}
    if not any(found.values()):
        return NOTHING
    several = len(study.models) > 1
    lacking = [words for name, words in LACKING.items() if not found[name]]
    return {
        "models": [_model(study, finding, several=several) for finding in found["scanner_shift"]],
        "disturbed": [disturbed(study, finding, several=several) for finding in found["robustness"]],
        "metamorphic": [metamorphic(study, finding, several=several) for finding in found["metamorphic"]],
        "guard": [input_guard(study, finding, several=several) for finding in found["input_guard"]],
        "shifted": [shifted(study, finding, several=several) for finding in found["shift"]],
        "missing": Missing("; ".join(lacking), "whoever writes the protocol, before the lock") if lacking else None,
    }


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    key = study.key(finding["model"].text)
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "attributes": [
            _attribute(study, entry, f"{key}-{place}") for place, entry in enumerate(finding["data"]["attributes"])
        ],
    }


def _attribute(study: Study, entry: Node, key: str) -> Mapping[str, Any]:
    return {
        "label": view.words(entry["label"]),
        "without": [_without(study, one, f"without-{key}-{place}") for place, one in enumerate(entry["endpoints"])],
        "adjusted": adjusted_table(
            study, entry["adjusted"], f"scanner-adjusted-{key}", title="Against all others", against=False
        )
        if entry["adjusted"]
        else None,
        "weighted": weighted_table(
            study, entry["weighted"], f"scanner-weighted-{key}", title="Against all others", against=False
        )
        if entry["weighted"]
        else None,
        "rest": [
            _rest(
                study,
                name,
                [one for one in entry["rest"] if one["endpoint"].text == name],
                f"scanner-rest-{key}-{place}",
            )
            for place, name in enumerate(dict.fromkeys(one["endpoint"].text for one in entry["rest"]))
        ],
        "confounding": _confounding(entry, f"confounding-{key}") if entry["confounding"] else None,
        "scores": _scores(study, entry["scores"], f"score-shift-{key}") if entry["scores"] else None,
        "thresholds": _thresholds(study, entry["thresholds"], f"thresholds-{key}") if entry["thresholds"] else None,
    }


def _without(study: Study, endpoint: Node, name: str) -> Table:
    unit = endpoint["unit"].text
    points = " (points)" if unit == "proportion" else ""
    columns = (
        Column(study.endpoint_words(endpoint["endpoint"].text), width=22), Column("On it", width=20), Column("Without it", width=12),
        Column(f"All less without{points}", width=26), Column("All at once", width=20),
    )  # fmt: skip
    rows: list[TableRow] = [
        row("All cases", view.estimate(study.sealed.estimate(endpoint["overall"])), "–", "–", "–", kind="total")
    ]
    for one in endpoint["levels"]:
        level, mine = view.words(one["level"]), view.estimate(study.sealed.estimate(one["estimate"]))
        if one["without"].value is None or one["change"].value is None:
            rows.append(row(level, mine, "–", view.words(one["reason"], "not compared"), "–", kind="faint"))
            continue
        change = view.signed(one["change"], unit)
        if one["low"].value is not None:
            change += " (" + view.limits_signed(one, unit) + ")"
        together = view.limits_signed(one, unit, low="simultaneous_low", high="simultaneous_high")
        rows.append(row(level, mine, view.number(one["without"], unit), change, together))
    return Table(name, columns, tuple(rows))


def _rest(study: Study, endpoint: str, rest: Sequence[Node], name: str) -> Mapping[str, Any]:
    """Of one endpoint: the gap plot, and the same in numbers with what follows."""
    metric = study.metric(study.endpoint(endpoint)["metric"].text)
    unit = metric.unit if metric is not None else "index"
    points = ", points" if unit == "proportion" else ""
    title = study.endpoint_title(endpoint)
    columns = (
        Column(study.endpoint_words(endpoint), width=30),
        Column(f"Less all others{points} (limits for all at once)", width=45), Column("So", width=25)
    )  # fmt: skip
    rows: list[TableRow] = []
    gaps = []
    for one in rest:
        found = study.sealed.estimate(one["estimate"])
        gaps.append(Gap(view.words(one["level"]), found, one["conclusion"].text))
        said = told(found, unit) if found["interval"] else view.words(found["reason"], "not compared")
        rows.append(row(view.words(one["level"]), said, view.choice(one["conclusion"], CONCLUSIONS)))
    margin = rest[0]["margin"]
    drawn = gap_forest(
        f"{name}-plot", [(study.endpoint_words(endpoint), gaps)], unit=unit, margin=margin.value,
        title=f"{title}: each level less all others",
    )  # fmt: skip
    return {
        "label": study.endpoint_words(endpoint),
        "figures": drawn,
        "table": Table(name, columns, tuple(rows)),
        "margin": "± " + view.goal_value(margin, f"{unit}_difference") if margin.value is not None else Printed(),
    }


def _confounding(entry: Node, name: str) -> Figure:
    tables = list(entry["confounding"])
    rows = [view.words(one["level"]) + " (" + view.count(one["patients"]) + ")" for one in tables[0]["rows"]]
    mixes = [
        Mix(
            view.words(table["label"]),
            "Cramér's V " + view.plain(table["association"], 2),
            [view.words(level) for level in table["levels"]],
            [[float(share.value) for share in one["shares"]] for one in table["rows"]],
            [[view.share(share, 0) for share in one["shares"]] for one in table["rows"]],
        )
        for table in tables
    ]
    title = f"{entry['label'].text}: who is imaged where"
    spoken = "; ".join(f"{mix.title}: {mix.said}" for mix in mixes)
    return confounding_map(name, rows, mixes, title=title, description=f"{title}. {spoken}.")


def _scores(study: Study, scores: Node, name: str) -> Table:
    columns = (
        Column("Level", width=28),
        Column(sentence_case(study.standard.positive), width=36),
        Column(sentence_case(study.standard.negative), width=36),
    )
    rows = tuple(row(view.words(one["level"]), _shift(one["with"]), _shift(one["without"])) for one in scores)
    return Table(name, columns, rows)


def _shift(shift: Node) -> Printed:
    if not shift:
        return printed("too few")
    apart = shift["low"].value > 0.5 or shift["high"].value < 0.5
    return view.number(shift["value"]) + " (" + view.limits(shift, "index") + ")" + (" ●" if apart else "")


def _thresholds(study: Study, thresholds: Node, name: str) -> Table:
    found, left_alone = (
        sentence_case(f"{rate} there") for rate in (study.standard.sensitivity, study.standard.specificity)
    )
    columns = (
        Column("Level", width=28), Column("Threshold", numeric=True, width=20), Column(found, numeric=True, width=26),
        Column(left_alone, numeric=True, width=26),
    )  # fmt: skip
    rows = tuple(
        row(view.words(one["level"]), view.words(one["reason"]), "–", "–", kind="faint") if one["reason"]
        else row(
            view.words(one["level"]), view.plain(one["threshold"], 3), view.number(one["sensitivity"], "proportion"),
            view.number(one["specificity"], "proportion"),
        )
        for one in thresholds
    )  # fmt: skip
    return Table(name, columns, rows)


SECTION = Section(
    id="R17", title="Robustness, scanner shift and repeatability", question="Does it hold on other scanners?",
    template="sections/robustness.html.j2", content=content, rank={"acceptance": 25, "comparison": 45},
)  # fmt: skip
