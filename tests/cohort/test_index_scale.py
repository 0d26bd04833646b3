"""A hundred thousand files are indexed in no more memory than ten thousand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from validate.resources import resource

MEASURED = """
import json, resource, sys
from pathlib import Path
from validate.index_source import indexed

if __name__ == "__main__":
    found = indexed(Path(sys.argv[1]), workers=2, cache=Path(sys.argv[2]))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"files": found.summary["files"], "images": found.summary["images"], "MiB": own / 1024, "child": children / 1024}))
"""
MOST_GROWTH = 40  # MiB for 90,000 more files


def many(folder: Path, count: int) -> Path:
    """Small radiographs that differ in their UIDs, a hundred to a folder."""
    dataset = pydicom.dcmread(next(resource("sample_data", "cxr").rglob("*.dcm")), stop_before_pixels=True)
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = "2.25.1000000000", "2.25.2000000000"
    dataset.SeriesInstanceUID = "2.25.3000000000"
    dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.1000000000"
    template = folder / "template"
    dataset.save_as(template)
    content = template.read_bytes()
    template.unlink()
    for number in range(count):
        if number % 100 == 0:
            here = folder / f"{number // 100:05d}"
            here.mkdir()
        own = content.replace(b"2.25.1000000000", b"2.25.1%09d" % number).replace(
            b"2.25.2000000000", b"2.25.2%09d" % (number // 2)
        )
        (here / f"{number:07d}").write_bytes(own)
    return folder


def measured(folder: Path, cache: Path, script: Path) -> dict[str, float]:
    script.write_text(MEASURED)
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(cache)], capture_output=True, text=True, check=True, timeout=900
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    for name, count in (("few", 10_000), ("many", 100_000)):
        (tmp_path / name).mkdir()
        many(tmp_path / name, count)
    few = measured(tmp_path / "few", tmp_path / "cache", tmp_path / "measure.py")
    lots = measured(tmp_path / "many", tmp_path / "cache", tmp_path / "measure.py")
    assert (few["files"], lots["files"]) == (10_000, 100_000)
    assert lots["images"] == 100_000
    assert lots["MiB"] - few["MiB"] < MOST_GROWTH, (few, lots)
    assert lots["child"] - few["child"] < MOST_GROWTH, (few, lots)
