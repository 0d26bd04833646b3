"""Paired differences of two models as section R20 shows them: drawn, in numbers, under other rules for failures, and group by group."""

from __future__ import annotations

from validate.analyses.wording import attribute_words, sentence_case
from validate.report import view
from validate.report.criterion import tone_of
from validate.report.figures.canvas import Figure, text_width
from validate.report.figures.forest import Axis, Row, forests
from validate.report.methods import short
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

HYPOTHESES = {
    "superiority": "is better", "noninferiority": "is not inferior", "equivalence": "is equivalent",
}  # fmt: skip
RULES = {
    "excluded": "pairs with a failure left out", "best_case": "failures right", "worst_case": "failures wrong",
    "noninferiority_worst_case": "failures wrong for the first, right for the second",
}  # fmt: skip


def difference_figures(study: Study, data: Node, number: int) -> list[Figure]:
    """Proportions apart from indices: their scales differ in meaning, if not in unit."""
    figures = []
    for unit, words in (("proportion_difference", "percentage points"), ("index_difference", "units of each measure")):
        rows = [_row(study, data, entry) for entry in data["differences"] if entry["unit"].text == unit]
        rows = [one for one in rows if one.value is not None]
        if rows:
            axis = Axis(
                percent=unit.startswith("proportion"),
                zero=True,
                count_title="n",
                value_title="Difference (limits)",
                tall=any(text_width(one.label, 8.2) > 110 for one in rows),
            )
            spoken = "; ".join(f"{one.label}: {one.words}" for one in rows)
            description = f"Paired differences in {words}. {spoken}."
            figures += forests(
                f"comparison-{number}-{unit[:5]}", rows, axis, title="Paired differences", description=description
            )
    return figures


def difference_table(study: Study, data: Node, number: int) -> Table:
    columns = (
        Column("Endpoint", width=27), Column("Difference (limits)", width=25), Column("Limits by", width=17),
        Column("Hypothesis", width=19), Column("One-sided p", width=12),
    )  # fmt: skip
    rows = [
        row(
            _endpoint(study, data, entry), view.estimate(estimate := study.sealed.estimate(entry["estimate"])),
            _method(estimate), _hypothesis(entry, estimate), _p(entry),
        )
        for entry in data["differences"]
    ]  # fmt: skip
    return Table(f"differences-of-models-{number}", columns, tuple(rows))


def rules_table(study: Study, data: Node, number: int) -> Table | None:
    entries = [entry for entry in data["differences"] if list(entry["rules"])]
    if not entries:
        return None
    rules = list(dict.fromkeys(rule["rule"].text for entry in entries for rule in entry["rules"]))
    columns = (Column("Endpoint", width=28), *(Column(RULES.get(rule, rule)) for rule in rules))
    rows = []
    for entry in entries:
        by_rule = {rule["rule"].text: study.sealed.estimate(rule["estimate"]) for rule in entry["rules"]}
        cells = [view.estimate(by_rule[rule]) if rule in by_rule else "–" for rule in rules]
        rows.append(row(_endpoint(study, data, entry), *cells))
    return Table(f"differences-by-rule-{number}", columns, tuple(rows))


def levels_table(study: Study, data: Node, number: int) -> Table | None:
    columns = (
        Column("Group", width=17), Column("Endpoint", width=31), Column("Difference (limits)", width=29),
        Column("Ahead, all groups at once", width=23),
    )  # fmt: skip
    rows = []
    for entry in data["levels"]:
        for index, one in enumerate(entry["levels"]):
            if index == 0:
                rows.append(row(sentence_case(attribute_words(entry["attribute"].text)), kind="head"))
            ahead = study.model_name(one["ahead"].text) if one["ahead"] else printed("neither beyond chance")
            estimate = study.sealed.estimate(one["estimate"])
            title = _endpoint(study, data, entry, estimate)
            rows.append(row(view.words(one["level"]), title, view.brief(estimate), ahead))
    return Table(f"ahead-{number}", columns, tuple(rows)) if rows else None


def why_without_limits(study: Study, data: Node) -> list[Printed]:
    """Why groups of the table above have no limits, each reason once with the groups that it holds for."""
    found: dict[str, tuple[Printed, list[Printed]]] = {}
    for entry in data["levels"]:
        for one in entry["levels"]:
            why = view.why_no_limits(study.sealed.estimate(one["estimate"]))
            if str(why):
                where = view.words(one["level"]) + ", " + study.endpoint_words(entry["endpoint"].text)
                found.setdefault(str(why), (why, []))[1].append(where)
    return [joined(places, "; ") + ": " + why for why, places in found.values()]


def _row(study: Study, data: Node, entry: Node) -> Row:
    estimate = study.sealed.estimate(entry["estimate"])
    criterion = next(
        (c for c in study.sealed.verdict["criteria"] if c["estimate"].text == entry["estimate"].text), None
    )
    margin = criterion["goal"].value if criterion is not None and entry["margin"].value is not None else None
    return Row(
        label=_endpoint(study, data, entry),
        count=view.count(estimate["n_cases"]),
        value=estimate["value"].value,
        low=estimate["interval"]["low"].value,
        high=estimate["interval"]["high"].value,
        words=view.estimate(estimate),
        tone=tone_of(study, criterion) if criterion is not None else "ink",
        goal=margin,
        goal_words=view.goal_value(criterion["goal"], estimate["unit"].text)
        if criterion is not None and margin is not None
        else "",
        upward=criterion is None or criterion["direction"].text == "at_least",
    )


def _endpoint(study: Study, data: Node, entry: Node, estimate: Node | None = None) -> Printed:
    """The endpoint; with the direction of its difference where a hypothesis turns it round."""
    title = study.endpoint_words(entry["endpoint"].text)
    estimate = estimate or study.sealed.estimate(entry["estimate"])
    if estimate["model"].text == data["test"].text:
        return title
    return title + ", " + study.model_name(data["reference"].text) + " less " + study.model_name(data["test"].text)


def _method(estimate: Node) -> Printed:
    method = estimate["interval"]["method"]
    return printed(short(method.text), method.address) if method else printed("–")


def _hypothesis(entry: Node, estimate: Node) -> Printed:
    if not entry["declared"].value:
        return printed("none declared")
    words = printed(HYPOTHESES.get(entry["hypothesis"].text, entry["hypothesis"].text), entry["hypothesis"].address)
    if entry["margin"].value is None:
        return words
    return words + ", margin " + view.goal_value(entry["margin"], estimate["unit"].text)


def _p(entry: Node) -> Printed:
    if entry["p"].value is None:
        return printed("–")
    found = view.p_value(entry["p"])
    return found + "; adjusted " + view.p_value(entry["adjusted_p"]) if entry["adjusted_p"].value is not None else found
