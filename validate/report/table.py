"""A table as the templates know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from validate.report.figures.canvas import Figure
from validate.report.printed import Printed

WIDEST = 9  # columns of an upright page
LONGEST = 120  # rows of a table that is printed whole
CLOSE = 40  # rows from which on they are set closer
SHOWN = 20  # of a longer one; all of it is attached
Cell = Printed | Figure | str
Kind = Literal["", "head", "faint", "total"]


@dataclass(frozen=True, slots=True)
class Column:
    """numeric : set flush right in tabular figures    width : of the whole, in percent, or None to share the rest."""

    title: Printed | str
    numeric: bool = False
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """kind "head" spans the table and names a group; "faint" is too small to be read; "total" closes it."""

    cells: tuple[Cell, ...]
    kind: Kind = ""


@dataclass(frozen=True, slots=True)
class Table:
    """name : unique in the report    caption : what it shows and how to read it; may be empty."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: Printed | str = ""

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def first(self) -> tuple[Row, ...]:
        """The rows that paper shows."""
        return self.rows if len(self.rows) <= LONGEST else self.rows[:SHOWN]

    @property
    def long(self) -> bool:
        """Set small and close."""
        return len(self.rows) > CLOSE

    @property
    def wide(self) -> bool:
        """Set on a landscape page."""
        return len(self.columns) > WIDEST


def row(*cells: Cell, kind: Kind = "") -> Row:
    """A row of these cells."""
    return Row(cells, kind)


def beyond(table: Table) -> Table | None:
    """The rows that paper leaves to the attachment; None where the table is printed whole."""
    if len(table.rows) <= LONGEST:
        return None
    return Table(table.name, table.columns, table.rows[SHOWN:])
