"""The report once more, from the sealed evidence: what `verify` holds the sealed one against, picture by picture and word by word.

The sealed PDF is read, and what it prints must be the words that are made here, in their order. On demand it is set again too, and
must then be the same to the byte: what is drawn over its words, moved or shown in another picture is told by that alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from validate.canonical import file_digest
from validate.evidence.manifest import AUDIT, REPORT
from validate.provenance.audit import read_events
from validate.report.render import render, set_again

HTML, PAPER, PDF = f"{REPORT}report.html", f"{REPORT}addresses.json", f"{REPORT}report.pdf"
TABLES, CARDS = f"{REPORT}tables/cells.parquet", ("model_card*.xml", "model_card*.md")


def made_again(folder: Path) -> dict[str, bytes]:
    """Content by file; nothing of what is not here, or was set in a house style that is not part of the evidence."""
    parts = {"html": HTML, "tables": TABLES, "card": _card(folder), "paper": PAPER}
    told = {part: found for part, name in parts.items() if (found := _told(folder, name)) and not found.get("house")}
    profiles = {part: found.get("profile") for part, found in told.items()}
    if not profiles:
        return {}
    with TemporaryDirectory(prefix="validate-again-") as scratch:
        out = Path(scratch) / "report"
        return _contents(out, set_again(folder, profiles=profiles, out=out))


def paper_made_again(folder: Path) -> dict[str, bytes]:
    """All of `made_again`, and the PDF as it is set by the typesetter at hand. Raises MissingLibrary where there is none."""
    made, told = made_again(folder), _told(folder, PDF)
    if told is None or told.get("house"):
        return made
    with TemporaryDirectory(prefix="validate-again-") as scratch:
        out = Path(scratch) / "report"
        return made | _contents(out, iter(render(folder, profile=told.get("profile"), formats=("pdf",), out=out)))


def _contents(out: Path, written: Iterator[Path]) -> dict[str, bytes]:
    return {f"{REPORT}{path.relative_to(out).as_posix()}": path.read_bytes() for path in written}


def _card(folder: Path) -> str:
    """One of the model cards that lie here."""
    found = sorted(path.name for pattern in CARDS for path in (folder / REPORT).glob(pattern))
    return f"{REPORT}{found[0]}" if found else f"{REPORT}model_card.xml"


def _told(folder: Path, name: str) -> dict[str, Any] | None:
    """What the trail says of how the page or the paper that lies here was set; of one that it does not know, what it says last."""
    if not (folder / name).is_file():
        return None
    here, found, last = file_digest(folder / name), None, None
    for event in read_events(folder / AUDIT):
        if event["type"] == "reported" and name in (event["data"].get("sha256") or {}):
            last = dict(event["data"])
            found = last if event["data"]["sha256"][name] == here else found
    return found or last
