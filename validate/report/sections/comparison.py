"""R20: the models side by side on the same cases, and the limits of their differences, which alone tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.costs import model_cost_table
from validate.report.figures.canvas import Figure
from validate.report.figures.overlap import Bar, overlap
from validate.report.paired import difference_figures, difference_table, levels_table, rules_table, why_without_limits
from validate.report.printed import Printed, joined
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.sections.primary_endpoints import flag_mark
from validate.report.study import Study
from validate.report.table import Column, Table, row
from validate.report.table import Row as TableRow

SCOPES = {
    "both": "Claimed by both (intersection)", "either": "Claimed by either (union)", "neither": "Claimed by neither",
}  # fmt: skip
FAMILIES = {
    "holm": "Holm", "benjamini_hochberg": "Benjamini–Hochberg (false discovery rate)",
    "fixed_sequence": "a fixed sequence: each at full alpha until the first that is not met",
}  # fmt: skip


def content(study: Study) -> Mapping[str, Any] | Missing:
    if len(study.models) < 2:
        return Missing(
            "a comparison on the same cases: the protocol names one model",
            "whoever writes the protocol, before the lock",
        )
    findings = list(study.sealed.all_findings("comparison"))
    return {
        "table": _table(study),
        "daggers": any(flag_mark(e) for e in study.locked_overall),
        "without": view.reasons((study.endpoint_words(e["endpoint"].text), e) for e in study.locked_overall),
        "cost": model_cost_table(study),
        "unpriced": joined((study.model_name(m) for m in study.unwitnessed), ", "),
        "pairs": [_pair(study, finding, number) for number, finding in enumerate(findings)],
        "declared": any(d["declared"].value for f in findings for d in f["data"]["differences"]),
        "family": next((FAMILIES.get(f["data"]["family"]["method"].text, "") for f in findings), ""),
    }


def _table(study: Study) -> Table:
    width = 36 if len(study.models) == 2 else 24 if len(study.models) == 3 else 18
    heads = (Column(study.short_name(model["id"].text)) for model in study.models)
    columns = (Column("Endpoint", width=width), *heads)
    found: dict[str, dict[str, Node]] = {}
    for estimate in study.locked_overall:
        found.setdefault(estimate["endpoint"].text, {})[estimate["model"].text] = estimate
    rows = (
        row(study.endpoint_words(endpoint), *(_cell(by_model.get(model["id"].text)) for model in study.models))
        for endpoint, by_model in found.items()
    )
    return Table("side-by-side", columns, tuple(rows))


def _cell(estimate: Node | None) -> Printed | str:
    return view.brief(estimate) + flag_mark(estimate) if estimate is not None else "–"


def _pair(study: Study, finding: Node, number: int) -> Mapping[str, Any]:
    data = finding["data"]
    test, reference = (study.model_name(data[name].text) for name in ("test", "reference"))
    return {
        "title": test + " less " + reference,
        "figures": difference_figures(study, data, number),
        "differences": difference_table(study, data, number),
        "rules": rules_table(study, data, number),
        "together": _together(study, data, number, test, reference),
        "scope": _scope(study, data, number, test, reference) if data["scope"] else None,
        "overlap": _overlap(
            study, data, number, *(study.short_name(data[name].text) for name in ("test", "reference"))
        ),
        "clustered": any(table["clustered"].value for table in data["tables"]),
        "predictive": _predictive(data, number, test, reference),
        "levels": levels_table(study, data, number),
        "without": why_without_limits(study, data),
    }


def _overlap(study: Study, data: Node, number: int, test: str, reference: str) -> Table | None:
    columns = (
        Column("Rows", width=22), Column(study.standard.both_right, numeric=True), Column("Only " + test, numeric=True),
        Column("Only " + reference, numeric=True), Column(study.standard.both_wrong, numeric=True), Column("McNemar, mid-p", width=16),
    )  # fmt: skip
    rows = [
        row(
            view.words(table["label"]), view.count(table["both"]), view.count(table["first_only"]),
            view.count(table["second_only"]), view.count(table["neither"]),
            view.p_value(table["mid_p"]) if table["mid_p"].value is not None else "–",
        )
        for table in data["tables"]
    ]  # fmt: skip
    return Table(f"overlap-{number}", columns, tuple(rows)) if rows else None


def _together(study: Study, data: Node, number: int, test: Printed, reference: Printed) -> Figure | None:
    """The same counts as bars; None without an operating point."""
    bars = [
        Bar(
            view.words(table["label"]),
            [(int(table[key].value), view.count(table[key])) for key in ("both", "first_only", "second_only", "neither")],
        )
        for table in data["tables"]
    ]  # fmt: skip
    if not bars:
        return None
    keys = (study.standard.both_right, "Only " + test, "Only " + reference, study.standard.both_wrong)
    spoken = "; ".join(
        f"{bar.label}: "
        + ", ".join(f"{str(key).lower()} {words}" for key, (_, words) in zip(keys, bar.counts, strict=True))
        for bar in bars
    )
    return overlap(
        f"overlap-bars-{number}",
        bars,
        keys,
        title="Who agrees with the comparator" if study.comparator else "Who gets what right",
        description=spoken,
    )


def _scope(study: Study, data: Node, number: int, test: Printed, reference: Printed) -> Mapping[str, Any]:
    """What each maker claims, and the models on what both and what either claims."""
    scope, names = data["scope"], {"test": test, "reference": reference}
    claims = [
        row(names[side] + " is claimed for", view.words(scope["claims"][data[side].text], "whatever comes"))
        for side in ("test", "reference")
    ]
    counts = [
        row(
            SCOPES.get(one["where"].text) or "Claimed by " + names[one["where"].text],
            view.count(one["rows"], study.unit) + " of " + view.count(one["patients"], "patient"),
        )
        for one in scope["counts"]
    ]
    rows: list[TableRow] = []
    for entry in scope["endpoints"]:
        title, unit = study.endpoint_words(entry["endpoint"].text), entry["unit"].text
        rows.append(row(title + (" (difference in points)" if unit == "proportion" else ""), kind="head"))
        for one in entry["where"]:
            found = view.difference(one, unit)
            shown = (view.number(one[side], unit, absent="–") for side in ("first", "second"))
            rows.append(row(SCOPES.get(one["where"].text, ""), view.count(one["rows"]), *shown, found))
    columns = (
        Column("Cases", width=26), Column(study.units.capitalize(), numeric=True, width=10), Column(test, width=16),
        Column(reference, width=16), Column("Difference (limits)", width=32),
    )  # fmt: skip
    facts = Table(f"scope-{number}", (Column(""), Column("")), (*claims, *counts))
    return {"facts": facts, "table": Table(f"scope-differences-{number}", columns, tuple(rows))}


def _predictive(data: Node, number: int, test: Printed, reference: Printed) -> Table | None:
    columns = (Column("Measure", width=28), Column(test), Column(reference), Column("Are they equal?"))
    rows = []
    for entry in data["predictive"]:
        if entry["reason"]:
            rows.append(row(view.words(entry["label"]), "–", "–", view.words(entry["reason"])))
            continue
        shares = (view.number(entry[name], "proportion") for name in ("first", "second"))
        rows.append(row(view.words(entry["label"]), *shares, view.p_value(entry["p"])))
    return Table(f"predictive-{number}", columns, tuple(rows)) if rows else None


SECTION = Section(
    id="R20", title="Comparison", question="How do the models compare on the same cases?",
    template="sections/comparison.html.j2", content=content, rank={"acceptance": 25, "comparison": 12},
)  # fmt: skip
