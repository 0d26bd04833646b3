"""Reading the headers of many files, against a plain loop of pydicom over the same files.

Peer: `dcmread(path, stop_before_pixels=True)` in turn, which parses no value and keeps nothing. Ours: every file sniffed, what
its header says harvested, its pixels' length checked, on two processes; with all identifiers sought; and with every byte hashed,
against the same loop that hashes too. Equal outputs first: the attributes are those that pydicom's own values give.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILES, QUICK = 20_000, 4_000
REPEATS = 3


def run(*, quick: bool) -> list[dict[str, Any]]:
    from validate.cohort.index import candidates_of

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "archive")
        count = _fill(folder, QUICK if quick else FILES)
        _assert_equal(folder)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        plain, hashing = _best(lambda: _loop(files)), _best(lambda: _loop(files, hashing=True))
        rows = []
        for name, peer, options in (
            ("headers", plain, {"digests": False}),
            ("headers, identifiers at every level", plain, {"digests": False, "identifiers": True}),
            ("headers and SHA-256 of every byte", hashing, {"digests": True}),
        ):
            ours = _best(lambda options=options: sum(1 for _ in candidates_of(folder, workers=2, **options)))
            rows.append(_row(f"{name}, {count:,} files", ours, peer, "dcmread(stop_before_pixels) loop"))
        with tempfile.TemporaryDirectory() as cache:
            options = {"digests": False, "cache": Path(cache)}
            time.sleep(3)  # files younger than the clock's grain are not remembered
            sum(1 for _ in candidates_of(folder, workers=2, **options))
            again = _best(lambda: sum(1 for _ in candidates_of(folder, workers=2, **options)))
        rows.append(_row(f"headers, remembered, {count:,} files", again, plain, "dcmread(stop_before_pixels) loop"))
        return rows


def _row(name: str, ours: float, peer: float, peer_name: str) -> dict[str, Any]:
    return {"name": name, "peer_name": peer_name, "ours": ours, "peer": peer, "note": f"best of {REPEATS} each"}


def _fill(folder: Path, count: int) -> int:
    """Copies of the sample radiographs, spread over folders of a hundred."""
    from validate.resources import resource

    images = sorted(resource("sample_data", "cxr").rglob("*.dcm"))
    for number in range(count):
        path = folder / f"{number // 100:04d}" / f"{number:06d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(images[number % len(images)], path)
    return count


def _loop(files: list[Path], *, hashing: bool = False) -> int:
    import pydicom

    read = 0
    for path in files:
        try:
            pydicom.dcmread(path, stop_before_pixels=True)
            read += 1
        except pydicom.errors.InvalidDicomError:
            pass
        if hashing:
            with path.open("rb") as stream:
                hashlib.file_digest(stream, "sha256")
    return read


def _best(work: Callable[[], int]) -> float:
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _assert_equal(folder: Path) -> None:
    """The quick pass harvests what pydicom's values give, of every file of the first folder."""
    from validate.cohort.attributes import harvested
    from validate.cohort.index import index_folder
    from validate.imaging.header import read_header
    from validate.imaging.header_values import HeaderValues

    found = [one for one in index_folder(folder / "0000", digests=False) if one.reason is None]
    assert len(found) > 50
    for one in found:
        assert harvested(HeaderValues(read_header(one.path).dataset)) == (one.attributes, one.missing)
