"""The report once more, from the sealed evidence: what `verify` holds the sealed one against, picture by picture and word by word.

No PDF is set again: the sealed one is read, and what it prints must be the words that are made here, in their order.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from validate.canonical import file_digest
from validate.evidence.manifest import AUDIT, REPORT
from validate.provenance.audit import read_events
from validate.report.render import set_again

HTML, PAPER = f"{REPORT}report.html", f"{REPORT}addresses.json"


def made_again(folder: Path) -> dict[str, bytes]:
    """Content by file; nothing where no page lies here, or it was set in a house style that is not part of the evidence."""
    told = _told(folder, HTML)
    if told is None or told.get("house"):
        return {}
    paper = _told(folder, PAPER) or told  # set on another day, perhaps, and in another profile
    with TemporaryDirectory(prefix="validate-again-") as scratch:
        out = Path(scratch) / "report"
        written = tuple(
            set_again(
                folder,
                profile=told.get("profile"),
                of_paper=paper.get("profile"),
                with_paper=not paper.get("house"),
                out=out,
            )
        )
        return {f"{REPORT}{path.relative_to(out).as_posix()}": path.read_bytes() for path in written}


def _told(folder: Path, name: str) -> dict[str, Any] | None:
    """What the trail says of how the page or the paper that lies here was set."""
    if not (folder / name).is_file():
        return None
    here, found = file_digest(folder / name), None
    for event in read_events(folder / AUDIT):
        if event["type"] == "reported" and (event["data"].get("sha256") or {}).get(name) == here:
            found = dict(event["data"])
    return found
