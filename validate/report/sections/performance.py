"""R13: the table at the operating point, the ROC curve and the scores behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.analysis import ANSWERED
from validate.report import view
from validate.report.classes import by_target
from validate.report.figures.canvas import Figure
from validate.report.figures.confusion_matrix import confusion_matrix
from validate.report.figures.precision_recall import precision_recall
from validate.report.figures.roc import Curve, roc
from validate.report.figures.score_histogram import Scores, score_histogram
from validate.report.operating_point import at_the_point, has_ratios, without
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.survival import survival_content
from validate.report.table import Column, Table, row

MOST_CURVES = 5


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("overall")
    if not findings:
        return Missing("the analysis over all cases", "whoever runs the study: run it again with this version")
    curves = [found for found in findings if found["data"]["roc"]]
    models = [_model(study, finding, several=len(findings) > 1) for finding in findings]
    return {
        "by_target": by_target(study),
        "models": models,
        # Whose tables are the first of their kind: how to read them is said once.
        "first_ratios": next((place for place, one in enumerate(models) if one["ratios"]), None),
        "first_tables": next((place for place, one in enumerate(models) if one["tables"]), None),
        "survival": survival_content(study),
        "together": _roc(study, curves[:MOST_CURVES], "roc-together") if len(curves) > 1 else None,
    }


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    data, name, key = finding["data"], finding["model"].text, study.key(finding["model"].text)
    return {
        "name": study.model_name(name) if several else Printed(),
        "missed": _missed(study, data["tables"]),
        "matrix": _matrix(study, key, data["tables"]),
        "tables": [_side_by_side(study, key, *two)]
        if len(two := list(data["tables"])) == 2
        else [_four_fold(study, key, table) for table in two],
        "measures": at_the_point(study, name),
        "ratios": has_ratios(study, name),
        "ratios_without": without(study, name),
        "point": _point(data["operating_point"]),
        "decided": view.decided(data["operating_point"]),
        "roc": _roc(study, [finding], f"roc-{key}") if data["roc"] else None,
        "recall": _recall(study, finding, f"recall-{key}") if data["precision_recall"] else None,
        "share": view.share(data["precision_recall"]["prevalence"], 0) if data["precision_recall"] else Printed(),
        "why_no_curve": view.words(data["why_no_curve"], "") if not data["roc"] else Printed(),
        "auroc": view.estimate(study.sealed.estimate(data["roc"]["auroc"])) if data["roc"]["auroc"] else Printed(),
        "band": view.level(data["roc"]["band"]) if data["roc"]["band"] else Printed(),
        "histogram": _histogram(study, key, data),
        "outputs": view.count(data["histogram"]["outputs"], study.unit) if data["histogram"] else Printed(),
    }


def _missed(study: Study, tables: Node) -> Printed:
    """As in "24 of 199 positive images are missed, and 7 of 196 negative images are flagged.", as locked."""
    table = next((t for t in tables if t["locked"].value is True), None)
    if table is None:
        return Printed()
    missed = view.count(table["false_negatives"]) + " of " + view.count(table["positives"], f"positive {study.unit}")
    alarms = view.count(table["false_positives"]) + " of " + view.count(table["negatives"], f"negative {study.unit}")
    return missed + (" not flagged, " if study.comparator else " missed, ") + alarms + " flagged"


def _matrix(study: Study, key: str, tables: Node) -> Figure | None:
    """The four counts under the locked rule as a picture; None without an operating point."""
    table = next((t for t in tables if t["locked"].value is True), None)
    if table is None:
        return None
    lines = (("true_positives", "false_negatives"), ("false_positives", "true_negatives"))
    cells = [[(int(table[name].value), view.count(table[name])) for name in line] for line in lines]
    (found, missed), (alarms, left) = ([words for _, words in line] for line in cells)
    standard = study.standard.name
    return confusion_matrix(
        f"matrix-{key}", ("positive", "negative"), ("flagged", "not flagged"), cells, down=standard,
        across="Answer of the model",
        description=f"{standard} down, answer across. Positive: {found} flagged, {missed} not; negative: {alarms} flagged, {left} not.",
    )  # fmt: skip


def _point(point: Node) -> Printed:
    if not point or point["threshold"].value is None:
        return Printed()
    return view.rule(point["rule"]) + " " + view.words(point["threshold"])


def _four_fold(study: Study, model: str, table: Node) -> Table:
    standard = study.standard.name
    columns = (
        Column("Model", width=26),
        Column(f"{standard} positive", numeric=True, width=37),
        Column(f"{standard} negative", numeric=True, width=37),
    )
    rows = (
        row("Flagged", view.count(table["true_positives"]), view.count(table["false_positives"])),
        row("Not flagged", view.count(table["false_negatives"]), view.count(table["true_negatives"])),
        row("All", view.count(table["positives"]), view.count(table["negatives"]), kind="total"),
    )
    return Table(
        f"table-{model}-{table['rule'].text}", columns, rows, printed(table["label"].text, table["label"].address)
    )


def _side_by_side(study: Study, model: str, left: Node, right: Node) -> Table:
    """The counts under both rules in one table, which stands beside a curve."""
    other = _lower(right["label"].text)
    titles = ("Positive", "Negative", f"Positive, {other}", f"Negative, {other}")
    columns = (Column("Model", width=26), *(Column(title, numeric=True) for title in titles))
    rows = (
        row("Flagged", *_both(left, right, "true_positives", "false_positives")),
        row("Not flagged", *_both(left, right, "false_negatives", "true_negatives")),
        row("All", *_both(left, right, "positives", "negatives"), kind="total"),
    )
    caption = f"Positive and negative by the {study.standard.name.lower()}. Left: " + printed(
        _lower(left["label"].text), left["label"].address
    )
    caption += "; right: " + printed(other, right["label"].address) + "."
    return Table(f"counts-{model}", columns, rows, caption)


def _both(left: Node, right: Node, first: str, second: str) -> list[Printed]:
    return [view.count(table[name]) for table in (left, right) for name in (first, second)]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _roc(study: Study, findings: list[Node], name: str) -> Figure:
    curves = [_curve(study, finding, several=len(findings) > 1) for finding in findings]
    x, y = ("1 − specificity: alarms where there is nothing", "Sensitivity: findings that are found")
    if study.comparator:
        x, y = ("1 − negative percent agreement", "Positive percent agreement")
    spoken = "; ".join(str(curve.label) for curve in curves)
    return roc(name, curves, x_title=x, y_title=y, description=f"Receiver operating characteristic. {spoken}.")


def _curve(study: Study, finding: Node, *, several: bool) -> Curve:
    found = finding["data"]["roc"].value
    auroc = study.sealed.estimate(finding["data"]["roc"]["auroc"])
    area = printed("area ") + view.brief(auroc) if auroc else printed("area not an endpoint")
    operating = found.get("operating")
    band = (found.get("band") or {}).get("points", [])
    return Curve(
        label=study.model_name(finding["model"].text) + ": " + area if several else area,
        points=[(x, y) for x, y in found["points"]],
        lower=[(x, low) for x, low, _ in band],
        upper=[(x, high) for x, _, high in band],
        operating=(operating["false_positive_rate"], operating["sensitivity"]) if operating else None,
        cross=_cross(study, operating),
    )


def _recall(study: Study, finding: Node, name: str) -> Figure:
    found = finding["data"]["precision_recall"]
    area = study.sealed.estimate(found["average_precision"]) if found["average_precision"] else None
    label = printed("average precision ") + view.brief(area) if area else printed("average precision not an endpoint")
    band = (found["band"].value or {}).get("points", [])
    operating = found["operating"].value
    x, y = ("Recall: sensitivity", "Precision: flags that are right")
    if study.comparator:
        x, y = ("Positive percent agreement", "Flags that the comparator shares")
    return precision_recall(
        name,
        Curve(
            label=label,
            points=[(recall, precision) for recall, precision in found["points"].value],
            lower=[(recall, low) for recall, low, _ in band],
            upper=[(recall, high) for recall, _, high in band],
            operating=(operating["recall"], operating["precision"]) if operating else None,
        ),
        prevalence=float(found["prevalence"].value), x_title=x, y_title=y,
        description=f"Precision against recall at the share of positives of this sample. {label}.",
    )  # fmt: skip


def _cross(study: Study, operating: Mapping[str, Any] | None) -> tuple[float, float, float, float] | None:
    """Limits at the operating point, drawn where both are in the evidence."""
    if not operating:
        return None
    ids = operating["ids"]
    sensitivity, specificity = (study.sealed.estimate(ids.get(n))["interval"] for n in ("sensitivity", "specificity"))
    if not sensitivity or not specificity:
        return None
    return (
        1 - specificity["high"].value,
        1 - specificity["low"].value,
        sensitivity["low"].value,
        sensitivity["high"].value,
    )


def _histogram(study: Study, model: str, data: Node) -> Figure | None:
    found = data["histogram"].value
    if not found:
        return None
    point, words = data["operating_point"], study.standard
    scores = Scores(
        found["edges"], found["positives"], found["negatives"], point["threshold"].value,
        printed("threshold ") + view.words(point["threshold"]) if point["threshold"].value is not None else "",
        sides=(words.positive, words.negative),
    )  # fmt: skip
    description = (
        f"Histogram of the model's scores, cases {words.positive} above the line and {words.negative} below: "
        f"{sum(found['positives']):,} and {sum(found['negatives']):,} cases."
    )
    return score_histogram(f"scores-{model}", scores, description=description)


SECTION = Section(
    id="R13", title="Full performance", tasks=ANSWERED, question="How well does it tell them apart?",
    template="sections/performance.html.j2", content=content, rank={"acceptance": 30, "comparison": 30},
)  # fmt: skip
