"""The tables of a report as data: read from the very document that is shown, so that they say the same."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from validate.canonical import step_name
from validate.report.addresses import DRAWING
from validate.report.sealed import Node, Sealed

JOINER = "\u2060"
GROUP = "Group of rows"
CELLS = {"td", "th"}
STYLE = re.compile(r"<(style|script)>.*?</\1>", re.DOTALL)


@dataclass(slots=True)
class Cell:
    """text : as printed    addresses : of what in it came from the evidence, in reading order."""

    text: str = ""
    addresses: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PrintedTable:
    """rows : the group each stands under, and its cells    printed_rows : with the heads of groups."""

    name: str
    section: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]
    printed_rows: int = 0

    @property
    def grouped(self) -> bool:
        return any(group for group, _ in self.rows)


def printed_tables(html: str) -> list[PrintedTable]:
    """Every table of the document that has a name, in order; one without a head has its columns "Item" and "Value"."""
    reader = _Reader()
    reader.feed(STYLE.sub("", DRAWING.sub("", html)))
    reader.close()
    return [table for table in reader.tables if table.rows]


def as_csv(table: PrintedTable) -> bytes:
    """UTF-8, a row of heads, text as printed; a cell that a spreadsheet would run as a formula is quoted by a leading '."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_heads(table))
    for row in _rows(table):
        writer.writerow([f"'{cell}" if re.match(r"[=@\t]|[+-](?![\d.])", cell) else cell for cell in row])
    return text.getvalue().encode()


def as_parquet(table: PrintedTable) -> bytes:
    """The same as text columns."""
    import pyarrow as pa

    columns = list(zip(*_rows(table), strict=True))
    heads = _heads(table)
    return _written(pa.table([pa.array(column, pa.string()) for column in columns], names=heads))


def cells(tables: Sequence[PrintedTable], sealed: Sealed) -> bytes:
    """All cells of all tables: where each stands, what is printed, from where, and the unrounded numbers there."""
    import pyarrow as pa

    documents = _documents(sealed)
    found: dict[str, list[Any]] = {
        name: [] for name in ("section", "table", "row", "group", "column", "text", "addresses", "values")
    }
    for table in tables:
        for number, (group, row) in enumerate(table.rows, start=1):
            for column, cell in zip(table.columns, row, strict=False):
                values = [value_at(documents, address) for address in cell.addresses]
                entry = (table.section, table.name, number, group, column, _plain(cell.text), cell.addresses, values)
                for name, value in zip(found, entry, strict=True):
                    found[name].append(value)
    kinds = [pa.string(), pa.string(), pa.int32(), pa.string(), pa.string(), pa.string(), pa.list_(pa.string()),
             pa.list_(pa.float64())]  # fmt: skip
    return _written(
        pa.table([pa.array(found[n], kind) for n, kind in zip(found, kinds, strict=True)], names=list(found))
    )


def value_at(documents: dict[str, Node], address: str) -> float | None:
    """The number that lies at `file#/json-pointer`; None for words."""
    name, _, pointer = address.partition("#")
    node = documents.get(name)
    if node is None:
        return None
    value = node.value
    for escaped in pointer.split("/")[1:]:
        step = step_name(escaped)
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _documents(sealed: Sealed) -> dict[str, Node]:
    """Whole files: lists inside estimates.json and findings.json are nodes with a path of their own."""
    found = {}
    for name in Sealed.__slots__:
        node = getattr(sealed, name)
        if isinstance(node, Node):
            value = node.value
            for step in reversed(node.path):
                value = {step: value}
            found[node.file] = Node(node.file, (), value)
    return found


def _written(table: Any) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _heads(table: PrintedTable) -> list[str]:
    heads = [GROUP, *table.columns] if table.grouped else table.columns
    named: list[str] = []
    for place, head in enumerate(heads):
        name = head or ("Item" if place == int(table.grouped) else f"Column {place + 1}")
        named.append(name if name not in named else f"{name} ({place + 1})")
    return named


def _rows(table: PrintedTable) -> list[list[str]]:
    return [[*([group] if table.grouped else []), *(_plain(cell.text) for cell in row)] for group, row in table.rows]


def _plain(text: str) -> str:
    return " ".join(text.replace(JOINER, "").split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[PrintedTable] = []
        self._section = self._name = self._group = ""
        self._table: PrintedTable | None = None
        self._head = False
        self._row: list[Cell] = []
        self._cell: Cell | None = None
        self._whole_row = False
        self._drawing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "section":
            self._section = (values.get("id") or "").removeprefix("section-").upper()
        elif tag == "div" and "tabled" in (values.get("class") or "").split():
            self._name = values.get("id") or ""
        elif tag == "table":
            name = self._name or f"{self._section.lower()}-{sum(t.section == self._section for t in self.tables) + 1}"
            self._name, self._group = "", ""
            self._table = PrintedTable(re.sub(r"[^A-Za-z0-9_.-]+", "-", name), self._section, [], [])
        elif tag == "thead":
            self._head = True
        elif tag == "tr":
            self._row, self._whole_row = [], False
        elif tag in CELLS and self._table is not None:
            self._cell = Cell()
            self._whole_row = values.get("scope") == "rowgroup"
        elif tag == "svg":
            self._drawing += 1
        elif self._cell is not None:
            self._inside(tag, values)

    def _inside(self, tag: str, values: dict[str, str | None]) -> None:
        if self._cell is not None:
            if (values.get("class") or "") == "sub" or tag in {"br", "p", "li"}:
                self._cell.text += "; " if self._cell.text.strip() else ""
            if address := values.get("data-address"):
                self._cell.addresses.append(address)

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._drawing:
            self._cell.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg":
            self._drawing -= 1
        elif tag in CELLS and self._cell is not None:
            self._row.append(self._cell)
            self._cell = None
        elif tag == "thead":
            self._head = False
        elif tag == "tr" and self._table is not None:
            self._end_row(self._table)
        elif tag == "table" and self._table is not None:
            self._table.columns = self._table.columns or ["Item", "Value"]
            self.tables.append(self._table)
            self._table = None

    def _end_row(self, table: PrintedTable) -> None:
        if self._head:
            table.columns = [_plain(cell.text) for cell in self._row]
            return
        table.printed_rows += 1
        if self._whole_row:
            self._group = _plain(self._row[0].text)
        else:
            table.rows.append((self._group, self._row))
