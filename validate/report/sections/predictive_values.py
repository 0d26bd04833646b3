"""What a flag and its absence mean at the prevalences of the protocol, and what that is for 1,000."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.icon_array import icon_array
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

BETWEEN = f"{view.JOINER}–{view.JOINER}"  # limits stay on one line


@dataclass(frozen=True, slots=True)
class Thousand:
    """Of 1,000 at one prevalence. model : its name, where there are several    ranges : limits in words; empty where there are none."""

    figure: Figure
    model: Printed
    prevalence: Printed
    source: Printed
    positives: Printed
    found: Printed
    missed: Printed
    false_alarms: Printed
    ranges: Printed
    alarms_per_found: Printed
    needed: Printed
    statement: Printed


@dataclass(frozen=True, slots=True)
class Predictive:
    """One model's predictive values. name : empty where there is one model only; table : None with the reason."""

    name: Printed
    statement: Printed
    table: Table | None
    limits: Printed
    load: Table | None
    volume: Printed


def thousands(study: Study) -> list[Thousand]:
    """Of each model, at the main prevalence; none against a comparator, which does not tell who has the finding."""
    if study.comparator:
        return []
    found = (finding for finding in study.sealed.all_findings("prevalence") if finding["status"].text == "ok")
    return [_thousand(study, finding, entry) for finding in found for entry in _main(finding)]


def predictive_values(study: Study) -> list[Predictive]:
    """Of each model, at every prevalence; none against a comparator."""
    if study.comparator:
        return []
    findings = study.sealed.all_findings("prevalence")
    return [_predictive(study, finding, several=len(findings) > 1) for finding in findings]


def _main(finding: Node) -> Iterator[Node]:
    return (entry for entry in finding["data"]["prevalences"] if entry["main"].value is True)


def _thousand(study: Study, finding: Node, entry: Node) -> Thousand:
    counts = entry["per_thousand"]
    found, missed, alarms = (counts[name]["expected"] for name in ("found", "missed", "false_alarms"))
    return Thousand(
        figure=icon_array(
            f"thousand-{study.key(finding['model'].text)}",
            found=found.value,
            missed=missed.value,
            false_alarms=alarms.value,
            things=study.units,
        ),
        model=study.model_name(finding["model"].text) if len(study.models) > 1 else Printed(),
        prevalence=view.share(entry["prevalence"]),
        source=view.words(finding["data"]["source"]),
        positives=view.count(counts["positive"]),
        found=view.count(found),
        missed=view.count(missed),
        false_alarms=view.count(alarms),
        ranges=joined(
            (
                f"{name} " + r
                for name, key in (("missed", "missed"), ("false alarms", "false_alarms"))
                if (r := _range(counts[key]))
            ),
            ", ",
        ),
        alarms_per_found=_alarms(counts) if counts["alarms_per_found"].value is not None else Printed(),
        needed=_needed(counts) if counts["number_needed_to_predict"].value is not None else Printed(),
        statement=view.words(entry["statement"]),
    )


def _alarms(counts: Node) -> Printed:
    return _with_limits(counts["alarms_per_found"], counts["alarms_per_found_limits"])


def _needed(counts: Node) -> Printed:
    return _with_limits(counts["number_needed_to_predict"], counts["number_needed_to_predict_limits"])


def _with_limits(number: Node, limits: Node) -> Printed:
    """As in "1.5 (1.2–2.0)", "1.5 (1.2 or more)" where there is no end to it, "1.2 or more" where only that is known."""
    low, high = (view.plain(limits[end], 1, absent="") for end in ("low", "high"))
    between = low + BETWEEN + high if low and high else low + " or more" if low else Printed()
    if number.value is None:
        return between or printed("–")
    return view.plain(number, 1) + (" (" + between + ")" if between else "")


def _range(count: Node) -> Printed:
    if count["low"].value is None or count["high"].value is None:
        return Printed()
    return view.count(count["low"]) + BETWEEN + view.count(count["high"])


def _counted(count: Node) -> Printed:
    between = _range(count)
    return view.count(count["expected"]) + (" (" + between + ")" if between else "")


def _predictive(study: Study, finding: Node, *, several: bool) -> Predictive:
    name = finding["model"].text
    available = finding["status"].text == "ok"
    return Predictive(
        name=study.model_name(name) if several else Printed(),
        statement=view.words(finding["statement"]),
        table=_table(study, finding["data"], f"prevalence-{study.key(name)}") if available else None,
        limits=view.words(finding["data"]["limits"]) if available else Printed(),
        load=_alert_load(finding["data"], f"load-{study.key(name)}") if finding["data"]["volume"] else None,
        volume=_volume(study, finding["data"]["volume"]) if finding["data"]["volume"] else Printed(),
    )


def _volume(study: Study, volume: Node) -> Printed:
    return view.words(volume["per_day"]) + f" {study.units} a day (" + view.words(volume["source"]) + ")"


def _alert_load(data: Node, name: str) -> Table:
    """Flags in a day, at each prevalence."""
    columns = (
        Column("Prevalence", width=16), Column("Flags a day (limits)", width=30), Column("of them false", numeric=True, width=27),
        Column("Missed a day", numeric=True, width=27),
    )  # fmt: skip
    rows = []
    for entry in data["prevalences"]:
        load = entry["alert_load"]
        between = (
            printed(" (") + view.plain(load["low"], 1) + BETWEEN + view.plain(load["high"], 1) + ")"
            if load["low"].value is not None
            else ""
        )
        flags = view.plain(load["flags"], 1) + between
        rows.append(
            row(
                view.share(entry["prevalence"]),
                flags,
                view.plain(load["false_flags"], 1),
                view.plain(load["missed"], 1),
            )
        )
    return Table(name, columns, tuple(rows))


def _table(study: Study, data: Node, name: str) -> Table:
    columns = (
        Column("Prevalence", width=12), Column("Positive predictive value", width=13),
        Column("Negative predictive value", width=13), Column("Found", width=14), Column("Missed", width=11),
        Column("False alarms", width=14), Column("False alarms for each found", width=12), Column("Needed to predict", width=11),
    )  # fmt: skip
    rows = [
        row(
            view.share(entry["prevalence"]),
            _value(study, entry["ppv"]),
            _value(study, entry["npv"]),
            *(_counted(entry["per_thousand"][key]) for key in ("found", "missed", "false_alarms")),
            _alarms(entry["per_thousand"]),
            _needed(entry["per_thousand"]),
        )
        for entry in data["prevalences"]
    ]
    return Table(name, columns, tuple(rows))


def _value(study: Study, identity: Node) -> Printed:
    return view.estimate(study.sealed.estimate(identity)) if identity else printed("not estimated")
