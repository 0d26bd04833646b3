"""One name per maker and per model, whatever the header spells; and what is no scanner. Raw spellings are kept beside.

Tables (vendors.csv, and a protocol's own, which come first) have the columns spelling, manufacturer, and where they have
something to say model and kind. A row without a model tells a maker by words that stand anywhere in the header's text; one
with a model tells a model of that maker by the header's whole text. kind: empty for a maker of scanners, "software" for a
program that writes DICOM, "digitiser" for a scanner of films.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from validate.errors import DataError

HERE = Path(__file__).with_name("vendors.csv")
BLANKS = re.compile(r"[^a-z0-9+]+")
KINDS = frozenset({"", "software", "digitiser"})
COLUMNS = ("spelling", "manufacturer")
LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Vendor:
    """name : one for all spellings; of an unknown maker, its own    kind : "", "software" or "digitiser"    known : by a table"""

    name: str
    kind: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class _Table:
    makers: tuple[tuple[str, Vendor], ...]  # longest first, so that "toshiba canon" is not taken for "canon"
    models: Mapping[tuple[str, str], str]


def vendor(raw: str | None, *, tables: tuple[str, ...] = ()) -> Vendor | None:
    """Who a header's manufacturer is; None where it says nothing."""
    if raw is None or not (plain := _plain(raw)):
        return None
    words = f" {plain} "
    for table in (*tables, str(HERE)):
        for pattern, found in read_vendors(table).makers:
            if pattern in words:
                return found
    return Vendor(" ".join(raw.split()), known=False)


def manufacturer(raw: str | None, *, tables: tuple[str, ...] = ()) -> str | None:
    """The maker: "GE MEDICAL SYSTEMS", "G.E. Healthcare" → "GE"; an unknown one keeps its spelling; nothing stays None."""
    found = vendor(raw, tables=tables)
    return None if found is None else found.name


def scanner_model(raw: str | None, maker: str | None, *, tables: tuple[str, ...] = ()) -> str | None:
    """The model: "Definition AS" of Siemens → "SOMATOM Definition AS"; an unknown one keeps its spelling without the maker's."""
    if raw is None:
        return None
    plain = _plain(raw)
    for table in (*tables, str(HERE)):
        models = read_vendors(table).models
        for text in (plain, _without_maker(plain, maker, table)):
            if (name := models.get((str(maker), text))) is not None:
                return name
    return " ".join(raw.split()) or None


def _without_maker(plain: str, maker: str | None, table: str) -> str:
    for pattern, found in read_vendors(table).makers:
        if found.name == maker and plain.startswith(pattern.lstrip()):
            return plain[len(pattern.lstrip()) :]
    return plain


@cache
def read_vendors(table: str) -> _Table:
    """A table of vendors. Raises DataError where it is none."""
    path = Path(table)
    makers: list[tuple[str, Vendor]] = []
    models: dict[tuple[str, str], str] = {}
    for number, row in enumerate(_rows(path), start=2):
        spelling, name = _plain(row["spelling"] or ""), (row["manufacturer"] or "").strip()
        kind, model = (row.get("kind") or "").strip(), (row.get("model") or "").strip()
        if not spelling or not name or kind not in KINDS:
            raise DataError(
                f"{path} row {number}: got spelling '{row['spelling']}', manufacturer '{name}', kind '{kind}'; a row needs a "
                "spelling of letters or digits and a manufacturer, and kind is empty, software or digitiser."
            )
        if model:
            models[name, spelling] = model
        else:
            makers.append((f" {spelling} ", Vendor(name, kind)))
    makers.sort(key=lambda row: (-len(row[0]), row[0], row[1].name))
    return _Table(tuple(makers), models)


def _rows(path: Path) -> list[dict[str, str | None]]:
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: has more than {LARGEST:,} bytes, which no table of vendors has.")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise DataError(
                    f"{path}: no column '{lacking[0]}'; a table of vendors has {', '.join(COLUMNS)}, model, kind."
                )
            return list(reader)
    except OSError as error:
        raise DataError(f"{path}: the table of vendors can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the table of vendors is no CSV in UTF-8: {error}.") from error


def _plain(raw: str) -> str:
    return BLANKS.sub(" ", raw.lower()).strip()
