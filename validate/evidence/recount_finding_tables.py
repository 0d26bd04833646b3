"""What findings.R reads: every number of a finding with the lines it is made of, and the tables of cases, as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.casewise.measure import MEASURES
from validate.evidence import recount_findings, recount_moved
from validate.evidence.recount_number import Number, is_counted
from validate.evidence.recount_people import CASES, EXCLUSIONS, IDENTIFIED
from validate.evidence.recount_table import EITHER, Entry, Table

Csv = Callable[[Sequence[str], Iterable[Mapping[str, Any]]], bytes]
Plain = Callable[[Table, Entry], dict[str, Any]]
TABLES = {"cases.csv": CASES, "exclusions.csv": EXCLUSIONS, "identified.csv": IDENTIFIED}
KIND = {"t": pa.types.is_string, "b": pa.types.is_boolean}  # how a column is told to R: t.sex, b.synthetic, n.age
BETWEEN = "\t"  # members of a list in one cell


def finding_lines(table: Table, plain: Plain) -> list[dict[str, Any]]:
    """One for each part of each number.    plain : a line as recount_tables writes one of an estimate"""
    return [
        line
        for number in recount_findings.numbers(table)
        if number.parts and all(is_counted(table, line) for _, line in number.parts)
        for line in _lines(table, number, plain)
    ]


def finding_tables(table: Table, lines: Sequence[Mapping[str, Any]], csv: Csv) -> Iterator[tuple[str, bytes]]:
    """File name and content."""
    yield "findings.csv", csv(list(dict.fromkeys(name for line in lines for name in line)), lines)
    for name, source in TABLES.items():
        if (table.folder / source).is_file():
            yield name, _typed(table.folder / source, csv)
    yield "findings.R", Path(__file__).with_name("recount_findings.R").read_bytes()


def _lines(table: Table, number: Number, plain: Plain) -> Iterator[dict[str, Any]]:
    for place, (weight, line) in enumerate(number.parts):
        first = {"value": number.stored, "how": number.how, "constant": number.constant} if place == 0 else {}
        yield {
            "address": number.address,
            **first,
            "weight": weight,
            "take": line.get("take"),
            **_plain(table, line, plain),
        }


def _plain(table: Table, line: Entry, plain: Plain) -> dict[str, Any]:
    stratum = {name: str(level).partition(EITHER)[0] for name, level in line["stratum"].items()}
    also = [str(level).partition(EITHER)[2] for level in line["stratum"].values() if EITHER in str(level)]
    asked = line.get("asked") or {}
    measure = {"metric": asked["of"]} if "of" in asked else {}  # of sides with the same mix, whose columns are told
    told = plain(table, {**line, **measure, "stratum": stratum}) | ({"metric": line["metric"]} if measure else {})
    told = {name: value for name, value in told.items() if value is not None}
    told |= {f"with.{name}": value for name, value in line["condition"].items()}
    check = recount_moved.check_of(line, table.protocol)
    if check is not None:
        told |= {"metric": f"share.{check.kind}", "allowed": check.allowed, "check": line["contrast"]["check"]}
    told |= {"either": also[0]} if also else {}
    return told | _asked(table, line)


def _asked(table: Table, line: Entry) -> dict[str, Any]:
    asked = dict(line.get("asked") or {})
    groups, column = asked.pop("groups", {}), asked.get("column")
    asked.pop("mirror", None)  # stands in mirrors.csv
    told = {f"asked.{name}": BETWEEN.join(x) if isinstance(x, list | tuple) else x for name, x in asked.items()}
    told |= {f"group.{place}": f"{name}{BETWEEN}{level}" for place, (name, level) in enumerate(groups.items(), start=1)}
    if "reference*" in groups:
        reference = table.protocol["reference"]
        names = reference.get("classes") or reference.get("grades") or ()
        told |= {"task": table.protocol["task"], "names": BETWEEN.join(str(one) for one in names)}
    measure = MEASURES.get(str(column))
    if str(line["metric"]).startswith("masks.") and measure is not None:
        told |= {
            "worst": measure.worst,
            "best": measure.best,
            "lesions": bool(measure.lesions),
            "column": column,
            "better": measure.better,
        }
    return told


def _typed(path: Path, csv: Csv) -> bytes:
    """With the type of each column before its name: the text of a number is not that of a word."""
    table = pq.read_table(path)
    names = {
        name: f"{next((kind for kind, fits in KIND.items() if fits(table.schema.field(name).type)), 'n')}.{name}"
        for name in table.column_names
    }
    return csv(list(names.values()), ({names[name]: value for name, value in row.items()} for row in table.to_pylist()))
