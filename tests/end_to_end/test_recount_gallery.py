"""Both second ways of counting on every run of the gallery: all estimates and findings agree, and each number that is changed is named."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import validate
from validate.canonical import pretty_json
from validate.evidence import recount_survival
from validate.evidence.manifest import AUDIT
from validate.evidence.recount import recount
from validate.evidence.recount_findings import numbers
from validate.evidence.recount_table import read_table
from validate.evidence.recount_tables import FOLDER, recount_files
from validate.evidence.seal import write_manifest, write_seal
from validate.phantoms.cardiac_sample import write_cardiac
from validate.phantoms.nodule_sample import write_nodules
from validate.provenance.audit import AuditTrail

NAMES = (
    "cxr-opacity-acceptance", "cxr-opacity-table", "cxr-opacity-robustness", "cxr-two-models", "stroke-classes", "retinopathy-grading",
    "cxr-findings", "ct-nodules", "cardiac-ventricles", "cardiac-heartnet",
)  # fmt: skip


@pytest.fixture
def quick(gallery: Path) -> Callable[[str], Path]:
    """A protocol of the gallery on a small sample, with few resamples and no PDF."""

    def protocol(name: str) -> Path:
        volumes = gallery.parents[1] / "sample_volumes"
        if name == "ct-nodules":
            write_nodules(volumes / "nodules", seed=3, patients=16)
        if name.startswith("cardiac"):
            write_cardiac(volumes / "cardiac", seed=3, patients=16)
        path = gallery / f"{name}.yaml"
        text, times = re.subn(r"replicates: (1000|2000)\b", "replicates: 200, at_most: 200", path.read_text())
        if not times:
            text += "\nresampling: {replicates: 200, at_most: 200}\n"
        path.write_text(text)
        return path

    return protocol


def in_r(run: Path) -> subprocess.CompletedProcess[str]:
    """What the exported script says of a run whose tables are written anew."""
    for name, content in recount_files(run):
        (run / name).write_bytes(content)
    place = run / FOLDER
    return subprocess.run(["Rscript", "recount.R"], cwd=place, capture_output=True, text=True, timeout=300, check=False)


def one_of_each_kind(run: Path) -> list[str]:
    """Addresses in findings.json of numbers that are counted again: the last of each place in each analysis."""
    table = read_table(run)
    known = [number.address for number in numbers(table) if number.parts]
    known += [one.address for _, stored in recount_survival.asked(table) for one in stored if one.kind != "steps"]
    return list({re.sub(r"/\d+(?=/|$)", "/*", address.partition("/data/")[2]): address for address in known}.values())


def change(run: Path, addresses: list[str]) -> None:
    """Each number by more than rounding, and the seal made again as an attacker would."""
    document = json.loads((run / "findings.json").read_text())
    for address in addresses:
        *steps, last = address.partition("#/")[2].split("/")
        place: Any = document
        for step in steps:
            place = place[int(step) if isinstance(place, list) else step.replace("~1", "/").replace("~0", "~")]
        key: Any = int(last) if isinstance(place, list) else last.replace("~1", "/").replace("~0", "~")
        place[key] += 1 if isinstance(place[key], int) else 1e-6 * max(1.0, abs(place[key]))
    (run / "findings.json").write_bytes(pretty_json(document))
    with AuditTrail(run / AUDIT) as trail:
        write_manifest(run, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(run, audit_head=trail.head)


def told(address: str, lines: Sequence[str]) -> bool:
    """Whether a line is of this address."""
    return any(line.startswith((f"{address}:", f"{address} :")) for line in lines)


@pytest.mark.services
@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_gallery_run_is_counted_in_python_and_in_r_and_named_where_it_is_changed(
    name: str, quick: Callable[[str], Path], tmp_path: Path
) -> None:
    run: Path = validate.run(quick(name), out=tmp_path / "run").folder
    have_value = sum(one["value"] is not None for one in read_table(run).estimates)
    found = recount(run)
    assert (found.differences, found.checked, found.unknown) == ((), have_value, ())
    done = in_r(run)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"{have_value} estimates counted again, 0 differ" in done.stdout
    assert "numbers of findings counted again, 0 differ in all" in done.stdout
    if name == "cxr-opacity-table":
        assert "numbers of survival counted again" in done.stdout
    addresses = one_of_each_kind(run)
    change(run, addresses)
    differences = recount(run).differences
    assert [one for one in addresses if not told(one, differences)] == []
    lines = in_r(run).stdout.splitlines()
    assert [one for one in addresses if not told(one, lines)] == []
