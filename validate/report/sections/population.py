"""R08: who and what was tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, sentence_case
from validate.report import view
from validate.report.acquisition import acquisition_strata
from validate.report.figures.heat_map import Cell, heat_map
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.stated import POPULATION, stated
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

MOST_SCANNERS = 40
MOST_MAPS, MOST_DOWN, MOST_ACROSS = 4, 12, 7  # of heat maps, and their rows and columns
NBSP = "\u00a0"
SCANNER = {"manufacturer": "Maker", "model_name": "Model", "model": "Model", "site": "Site"}
IN_TABLE = {"sex", "age_band", "manufacturer", "site"}
LABELS = {
    "kvp": "Tube voltage, kV", "pixel_spacing": "Pixel spacing, mm", "slice_thickness": "Slice thickness, mm",
    "field_strength": "Field strength, T", "rows": "Pixel rows", "columns": "Pixel columns", "age": "Age, years",
    "manufacturer_raw": "Maker, as in the header", "software": "Scanner software", "model": "Scanner model",
    "model_raw": "Model, as in the header", "kvp_band": "Tube voltage",
    "photometric": "Photometric interpretation", "synthetic": "Marked as synthetic",
}  # fmt: skip


def _described(study: Study) -> list[str]:
    """What reviewers ask for of the patients and an attribute of the protocol holds."""
    named = {name for name, _ in study.protocol["cohort"]["attributes"].items()}
    return ["demographics"] if named & {"race", "ethnicity"} else []


def content(study: Study) -> Mapping[str, Any] | Missing:
    finding = study.sealed.finding("population")
    if not finding:
        return Missing("the description of the population", "whoever runs the study: run it again with this version")
    data = finding["data"]
    return {
        "statement": view.words(finding["statement"]),
        "stated": stated(study, "stated-population", POPULATION, *_described(study)),
        "groups": _groups(study, data),
        "scanners": _scanners(study, data["scanners"]),
        "numbers": _numbers(data),
        "maps": [
            _map(study, crossing, place)
            for place, crossing in enumerate(data["crossings"])
            if len(crossing["row_levels"]) <= MOST_DOWN and 0 < len(crossing["column_levels"]) <= MOST_ACROSS
        ][:MOST_MAPS],
        "acquisition": _acquisition(study, data),
        "strata": acquisition_strata(study.sealed.flow["notes"]["strata"]),
    }


def _columns(study: Study, first: str, width: int) -> tuple[Column, ...]:
    titles = (study.units.capitalize(), "Patients", *study.sides, "No label", "No output")
    return (Column(first, width=width), *(Column(title, numeric=True) for title in titles))


def _counts(node: Node) -> tuple[Printed, ...]:
    levels = ("images", "patients", "positives", "negatives", "no_label")
    failed = failures_of(node["failed"])
    return (*(view.count(node[level]) for level in levels), failed)


def failures_of(failed: Node) -> Printed:
    """Cases without output: of the only model, or of each in turn."""
    return joined((view.count(number) for _, number in failed.items()), " · ") or printed("–")


def _groups(study: Study, data: Node) -> Table:
    rows: list[Row] = [row("All", *_counts(data["counts"]), kind="total")]
    wanted = {name.text for name in study.protocol["strata"]} | IN_TABLE
    for attribute in data["attributes"]:
        levels = list(attribute["levels"])
        if attribute["attribute"].text not in wanted or not levels:
            continue
        rows.append(row(printed(attribute["label"].text, attribute["label"].address), kind="head"))
        rows += [
            row(view.words(level["level"]), *_counts(level), kind="faint" if level["level"].text == "missing" else "")
            for level in levels
        ]
    return Table("population", _columns(study, "Group", 28), tuple(rows))


def _scanners(study: Study, scanners: Node) -> Table:
    first = next(iter(scanners), None)
    names = [name for name in SCANNER if first is not None and first[name]]
    columns = (
        *(Column(SCANNER[name], width=17) for name in names),
        *(Column(title, numeric=True) for title in (study.units.capitalize(), "Patients", study.sides[0], "No output")),
    )
    rows = [
        row(
            *(view.words(scanner[name]) for name in names),
            *(view.count(scanner[level]) for level in ("images", "patients", "positives")),
            failures_of(scanner["failed"]),
        )
        for scanner in scanners
    ]
    return Table("scanners", columns, tuple(rows[:MOST_SCANNERS]))


def attribute_label(attribute: Node) -> Printed:
    """A reader's name for an attribute."""
    return printed(LABELS.get(attribute["attribute"].text, attribute["label"].text), attribute["label"].address)


def _acquisition(study: Study, data: Node) -> Table:
    """What the headers say besides, level by level on one line; what no header says is told in the last column."""
    columns = (
        Column("From the headers", width=26), Column(f"Values, with their number of {study.units}", width=60),
        Column("Missing", numeric=True, width=14),
    )  # fmt: skip
    known = IN_TABLE | {name.text for name in study.protocol["strata"]}
    rows = []
    for attribute in data["attributes"]:
        if attribute["attribute"].text in known or attribute["summary"]:
            continue
        levels = (level for level in attribute["levels"] if level["level"].text != "missing")
        values = joined((view.words(level["level"]) + NBSP + view.count(level["images"]) for level in levels), " · ")
        told = values or ("none" if attribute["missing"].value else "too many to list")
        rows.append(row(attribute_label(attribute), told, view.count(attribute["missing"])))
    return Table("acquisition", columns, tuple(rows))


def _map(study: Study, crossing: Node, place: int) -> Mapping[str, Any]:
    """Cases of each scanner in each group, darker the more."""
    rows, columns = [one.text for one in crossing["row_levels"]], [one.text for one in crossing["column_levels"]]
    most = max((count.value for line in crossing["images"] for count in line), default=0) or 1
    cells = [
        [
            Cell(
                count.value / most if count.value else None, view.count(count),
                view.count(positives) + f" {study.sides[0].lower()}" if count.value else "",
            )
            for count, positives in zip(line, crossing["positives"][number], strict=True)
        ]
        for number, line in enumerate(crossing["images"])
    ]  # fmt: skip
    down, across = attribute_words(crossing["rows"].text), attribute_words(crossing["columns"].text)
    spoken = "; ".join(
        f"{row}: " + ", ".join(f"{column} {cell.words}" for column, cell in zip(columns, line, strict=True))
        for row, line in zip(rows, cells, strict=True)
    )
    return {
        "title": f"{sentence_case(down)} × {across}",
        "figure": heat_map(
            f"crossing-{place}", [view.words(one) for one in crossing["row_levels"]],
            [view.words(one) for one in crossing["column_levels"]], cells, down=sentence_case(down), across=sentence_case(across),
            title=f"{study.units.capitalize()} by {down} and {across}",
            description=f"{study.units.capitalize()} by {down} and {across}. {spoken}.",
        ),
    }  # fmt: skip


def _numbers(data: Node) -> Table:
    """Attributes that are numbers, as five of them."""
    columns = (
        Column("Attribute", width=26), Column("Known for", numeric=True), Column("Missing", numeric=True),
        Column("Least", numeric=True), Column("Quartiles", numeric=True, width=22), Column("Most", numeric=True),
    )  # fmt: skip
    rows = []
    for attribute in data["attributes"]:
        summary = attribute["summary"]
        if summary:
            quartiles = (view.words(summary[name]) for name in ("lower_quartile", "median", "upper_quartile"))
            low, middle, high = quartiles
            of = view.count(summary["count"]) + " " + view.words(summary["of"])
            rows.append(
                row(attribute_label(attribute), of, view.count(attribute["missing"]), view.words(summary["least"]),
                    low + " · " + middle + " · " + high, view.words(summary["most"]))
            )  # fmt: skip
    return Table("attributes", columns, tuple(rows))


SECTION = Section(
    id="R08", title="Population and scanners", question="Who and what was tested",
    template="sections/population.html.j2", content=content, rank={"acceptance": 166, "comparison": 166},
)  # fmt: skip
