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

HTML = f"{REPORT}report.html"


def made_again(folder: Path) -> dict[str, bytes]:
    """Content by file; nothing where no page lies here, or it was set in a house style that is not part of the evidence."""
    told = _told(folder)
    if told is None or told.get("house"):
        return {}
    with TemporaryDirectory(prefix="validate-again-") as scratch:
        out = Path(scratch) / "report"
        written = tuple(set_again(folder, profile=told.get("profile"), out=out))
        return {f"{REPORT}{path.relative_to(out).as_posix()}": path.read_bytes() for path in written}


def _told(folder: Path) -> dict[str, Any] | None:
    """What the trail says of how the page that lies here was set."""
    if not (folder / HTML).is_file():
        return None
    here, found = file_digest(folder / HTML), None
    for event in read_events(folder / AUDIT):
        if event["type"] == "reported" and (event["data"].get("sha256") or {}).get(HTML) == here:
            found = dict(event["data"])
    return found
