"""A signature, or a report made again, that was interrupted: what was sealed stays valid, and what is left over counts for nothing.

Both add files and events, and put them in force by replacing the seal: one rename. Whatever ends the program before that leaves
the sealed state whole, under a few bytes more or in a folder beside. They are told apart here by the seal, which has the digest
of each part.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from validate.canonical import file_digest, write_atomically
from validate.evidence.manifest import AUDIT, PARTIAL, REPORT, SEAL, SIGNATURES
from validate.provenance.event import parsed

SIGNED_PDF = f"{SIGNATURES}report.pdf"
NEXT = re.compile(r"signatures/(\d{2})-(?:authored|reviewed|approved|responsible)\.dsse\.json(?:\.tsr)?")
AT_MOST = 3  # events that one of them adds: the transition, what was reported, and that the clock went back
NEXT_REPORT, EARLIER_REPORT = f".report.new{PARTIAL}", f".report.old{PARTIAL}"


def leftovers(folder: Path) -> dict[str, bytes | None]:
    """What to put back for the sealed state to lie here again: content by file, None for what goes; empty where nothing is left over.

    Never more than an interruption can have left: anything else stays where verification finds and names it.
    """
    try:
        seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        trail = _longer(folder / AUDIT, str(seal["audit"]["sha256"]), seal["audit"]["head"])
        sealed = {str(entry["path"]): entry for entry in seal["signatures"]}
        count = sum(name.endswith(".dsse.json") for name in sealed)
        found: dict[str, bytes | None] = {} if trail is None else {AUDIT: trail}
        for path in sorted((folder / SIGNATURES).glob("*")):
            name = path.relative_to(folder).as_posix()
            placed = NEXT.fullmatch(name)
            if name not in sealed and placed is not None and int(placed[1]) == count + 1:
                found[name] = None
        found |= _longer_pdf(folder, sealed.get(SIGNED_PDF), grown=bool(found))
        found |= dict(_earlier_report(folder, {str(one["path"]): str(one["sha256"]) for one in seal["report"]}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # whatever this is, it is not for us to mend
    return found


def _longer(path: Path, sealed: str, head: str) -> bytes | None:
    """The sealed beginning of a trail that has a signature's events more; None where it has not."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() == sealed:
        return None
    lines = content.splitlines(keepends=True)
    torn = lines and not lines[-1].endswith(b"\n")
    for more in range(1, AT_MOST + 2 + bool(torn)):
        kept = b"".join(lines[:-more])
        if hashlib.sha256(kept).hexdigest() == sealed:
            events = [parsed(line) for line in lines[-more : len(lines) - bool(torn)]]
            return (
                kept
                if all(event is not None and _of_signing(event) for event in events) and head in kept.decode()
                else None
            )
    return None


def _of_signing(event: Mapping[str, Any]) -> bool:
    return event["type"] in {"clock_went_back", "torn_line_removed", "reported"} or event["data"].get("new") in {
        "signed",
        "reported",
    }


def _longer_pdf(folder: Path, entry: Mapping[str, Any] | None, *, grown: bool) -> dict[str, bytes | None]:
    """A signed copy of the report that has grown by one signature."""
    path = folder / SIGNED_PDF
    if not path.is_file() or not grown:
        return {}
    if entry is None:
        return {SIGNED_PDF: None}
    content = path.read_bytes()
    kept = content[: int(entry["bytes"])]
    same = len(content) > len(kept) and hashlib.sha256(kept).hexdigest() == entry["sha256"]
    return {SIGNED_PDF: kept} if same else {}


def _earlier_report(folder: Path, sealed: Mapping[str, str]) -> Iterator[tuple[str, bytes | None]]:
    """The sealed report, where it was set aside for one that never was sealed."""
    earlier = folder / EARLIER_REPORT
    if not earlier.is_dir():
        return
    whole = {name: earlier / name.removeprefix(REPORT) for name in sealed}
    if not all(path.is_file() and file_digest(path) == sealed[name] for name, path in whole.items()):
        return
    for path in (folder / REPORT).rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in sealed:
            yield name, None
    for name, path in whole.items():
        if not (folder / name).is_file() or file_digest(folder / name) != sealed[name]:
            yield name, path.read_bytes()


@contextmanager
def next_report(folder: Path) -> Iterator[Path]:
    """Where a report is made before it takes the place of the one that lies here: a copy of that, which is no evidence yet."""
    place = folder / NEXT_REPORT
    shutil.rmtree(place, ignore_errors=True)
    if (folder / REPORT).is_dir():
        shutil.copytree(folder / REPORT, place)
    try:
        yield place
        shutil.rmtree(folder / EARLIER_REPORT, ignore_errors=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def take_place(folder: Path, place: Path, written: Sequence[Path]) -> Iterator[Path]:
    """Set the sealed report aside and the new one in its place, until the seal is replaced; its files where they lie now."""
    shutil.rmtree(folder / EARLIER_REPORT, ignore_errors=True)
    if (folder / REPORT).is_dir():
        (folder / REPORT).rename(folder / EARLIER_REPORT)
    place.rename(folder / REPORT)
    yield from (folder / REPORT / path.relative_to(place) for path in written)


def put_back(folder: Path, files: Mapping[str, bytes | None]) -> None:
    """Leave the sealed state; safe to repeat wherever it stops."""
    for name, content in files.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            write_atomically(folder / name, content)


@contextmanager
def sealed_state(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The folder as it was sealed, and in which files an interruption left something; the folder itself is only read."""
    files = leftovers(folder)
    if not files:
        yield folder, ()
        return
    with TemporaryDirectory(prefix="validate-sealed-") as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch) / "run", symlinks=True))
        put_back(copy, files)
        yield copy, tuple(sorted(files))
