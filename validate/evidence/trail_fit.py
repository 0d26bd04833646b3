"""Whether the files that lie here are those that the audit trail speaks of: the manifest, and every file of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from validate.canonical import file_digest
from validate.evidence.manifest import MANIFEST, REPORT, run_files


def report_digests(folder: Path, written: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of the files of a report, by their paths in the run folder: what the trail keeps of them."""
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in written}


def trail_differences(folder: Path, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """In words, whatever is not as the trail noted it last.

    events : the run's audit trail
    """
    expected: dict[str, Any] = {}
    for event in events:
        if event["type"] == "reported":
            expected |= event["data"].get("sha256") or {}
        elif event["type"] == "manifest":
            expected[MANIFEST] = event["data"].get("sha256")
    for name, digest in sorted(expected.items()):
        path = folder / name
        inside = name == MANIFEST or (name.startswith(REPORT) and ".." not in name.split("/"))
        if not inside or not path.is_file():
            yield f"{name}: the audit trail speaks of it, and it is not there"
        elif file_digest(path) != digest:
            yield f"{name}: is another than the one that the audit trail speaks of"
    unknown = sorted(name for name in run_files(folder) if name.startswith(REPORT) and name not in expected)
    if _tells_all(events):
        yield from (f"{name}: the audit trail speaks of no such file of the report" for name in unknown)


def _tells_all(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the run noted the files of its first report before it was reported, as it does where it has any."""
    for event in events:
        if event["data"].get("new") == "reported":
            return False
        if event["type"] == "reported":
            return bool(event["data"].get("sha256"))
    return False
