"""Any single edit of a signed run is found: a bit, a cut, a swap, a file dropped, added or renamed, at random places."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validate.canonical import pretty_json
from validate.errors import EvidenceError
from validate.evidence.bundle import opened_bundle, write_bundle
from validate.evidence.cases import cases_document
from validate.evidence.manifest import AUDIT, CASES
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verify import verify
from validate.provenance.audit import AuditTrail
from validate.provenance.keys import Key
from validate.sign_run import sign_run

# One of each kind that a run folder has; what is in them does not matter here, but that each kind is looked at.
KINDS = {
    "inference/candidate/clean/000.parquet": b"PAR1 outputs of one shard PAR1",
    "evidence/checklists/stard_ai.csv": b"item,answer\n1,yes\n2,no\n",
    "evidence/recount/recount.R": b"quit(status = 0)\n",
    "cohort/flow.json": b'{"steps": []}\n',
    "report/figures/roc.svg": b"<svg><path d='M0 0L1 1'/></svg>\n",
    "report/model_card.md": b"# A model\n",
    "report/model_card.xml": b"<card/>\n",
    "ro-crate-metadata.json": b"{}\n",
    "shift/reference.json": b'{"estimates": []}\n',
}


@pytest.fixture
def every_kind(with_pdf: Path, key: Key, other_key: Key) -> Path:
    """A reported run with a file of every kind, signed by two people, the PDF too."""
    units = {
        "unit": ["U-1", "U-2"],
        "model": ["a", "a"],
        "pass": ["clean", "clean"],
        "label": [1.0, 0.0],
        "score": [0.9, 0.1],
    }
    (with_pdf / "results").mkdir()
    pq.write_table(pa.table(units), with_pdf / "results/units.parquet")
    for name, content in KINDS.items():
        (with_pdf / name).parent.mkdir(parents=True, exist_ok=True)
        (with_pdf / name).write_bytes(content)
    (with_pdf / CASES).write_bytes(pretty_json(cases_document(with_pdf)))
    with AuditTrail(with_pdf / AUDIT) as trail:
        write_manifest(with_pdf, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(with_pdf, audit_head=trail.head)
    sign_run(with_pdf, key, meaning="reviewed")
    sign_run(with_pdf, other_key, meaning="approved")
    assert verify(with_pdf).holds
    return with_pdf


def test_of_random_edits_of_every_kind_of_file_none_is_missed(every_kind: Path) -> None:
    kinds = {path.suffix for path in every_kind.rglob("*") if path.is_file()}
    assert kinds >= {".parquet", ".csv", ".R", ".json", ".jsonl", ".svg", ".md", ".xml", ".yaml", ".pdf", ".html"}
    assert missed(every_kind, 40, seed=20261127) == []
    assert verify(every_kind).holds


def flipped_bit(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def doubled(content: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(content))
    return content[:start] + content[start : start + dice.randrange(1, 60)] + content[start:]


def swapped_lines(content: bytes, dice: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if len(lines) < 2:
        return content + b" "
    place = dice.randrange(len(lines) - 1)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    return b"".join(lines)


def changed_digit(content: bytes, dice: random.Random) -> bytes:
    places = [i for i, byte in enumerate(content) if 48 <= byte <= 57]
    if not places:
        return content + b"0"
    changed = bytearray(content)
    place = dice.choice(places)
    changed[place] = ord(str((int(chr(changed[place])) + dice.randrange(1, 10)) % 10))
    return bytes(changed)


EDITS: tuple[Callable[[bytes, random.Random], bytes], ...] = (flipped_bit, cut, doubled, swapped_lines, changed_digit)


def mutate(run: Path, dice: random.Random) -> tuple[str, Callable[[], None]]:
    """One edit of one file, and how to undo it."""
    path = dice.choice(sorted(p for p in run.rglob("*") if p.is_file()))
    original = path.read_bytes()
    kind = dice.randrange(len(EDITS) + 3)
    name = path.relative_to(run).as_posix()

    def restore() -> None:
        path.write_bytes(original)

    if kind < len(EDITS):
        changed = EDITS[kind](original, dice)
        if changed == original:  # two equal lines swapped: no edit
            changed = original + b"\n"
        path.write_bytes(changed)
        return f"{EDITS[kind].__name__} of {name}", restore
    if kind == len(EDITS):
        path.unlink()
        return f"{name} dropped", restore
    beside = path.with_name(f"{path.name}.new")
    if kind == len(EDITS) + 1:
        shutil.copyfile(path, beside)
        return f"{name} copied beside itself", beside.unlink
    path.rename(beside)

    def rename_back() -> None:
        beside.rename(path)

    return f"{name} renamed", rename_back


def missed(run: Path, count: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    found: list[str] = []
    for _ in range(count):
        what, undo = mutate(run, dice)
        try:
            if verify(run).holds:
                found.append(what)
        except EvidenceError:
            pass  # nothing that could be taken for evidence is left, and it says so
        undo()
    return found


def missed_in_zip(bundle: Path, count: int, seed: int) -> list[str]:
    """Edits of the bytes of a bundle, wherever they fall: headers, packed content, table of contents, its own digest."""
    dice, original, found = random.Random(seed), bundle.read_bytes(), list[str]()
    for number in range(count):
        edit = dice.choice(EDITS)
        changed = edit(original, dice)
        if changed == original:
            changed = original + b"\n"
        bundle.write_bytes(changed)
        if holds(bundle):
            found.append(f"{number}: {edit.__name__}")
    bundle.write_bytes(original)
    return found


def missed_when_packed(run: Path, bundle: Path, count: int, seed: int) -> list[str]:
    """Edits of a run folder that is then packed anew, so that the zip itself is sound."""
    dice, found = random.Random(seed), list[str]()
    for _ in range(count):
        what, undo = mutate(run, dice)
        try:
            write_bundle(run, bundle)
            if holds(bundle):
                found.append(what)
        except EvidenceError:
            pass  # without its seal it is not even packed
        finally:
            bundle.unlink(missing_ok=True)
            undo()
    return found


def holds(bundle: Path) -> bool:
    try:
        with opened_bundle(bundle) as folder:
            return verify(folder).holds
    except EvidenceError:
        return False  # nothing of it is unpacked, or nothing in it could be taken for evidence, and it says so


def test_of_a_thousand_random_edits_none_is_missed(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    assert missed(reported, 1000, seed=20261124) == []
    assert verify(reported).holds  # every edit was undone


def test_of_random_edits_of_a_bundle_none_is_missed(reported: Path, key: Key, tmp_path: Path) -> None:
    sign_run(reported, key, meaning="approved")
    bundle = tmp_path / "a.zip"
    write_bundle(reported, bundle)
    assert holds(bundle)
    assert missed_in_zip(bundle, 300, seed=20261124) == []
    assert holds(bundle)
    assert missed_when_packed(reported, tmp_path / "b.zip", 60, seed=20261124) == []


@pytest.mark.slow
def test_of_ten_thousand_random_edits_of_a_bundle_none_is_missed(reported: Path, key: Key, tmp_path: Path) -> None:
    sign_run(reported, key, meaning="approved")
    bundle = tmp_path / "a.zip"
    write_bundle(reported, bundle)
    assert missed_in_zip(bundle, 10_000, seed=1) == []
    assert missed_when_packed(reported, tmp_path / "b.zip", 1_000, seed=1) == []


@pytest.mark.slow
def test_of_ten_thousand_random_edits_none_is_missed(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    assert missed(reported, 10_000, seed=1) == []


@pytest.mark.slow
def test_of_hundreds_of_random_edits_of_every_kind_of_file_none_is_missed(every_kind: Path) -> None:
    assert missed(every_kind, 400, seed=1) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["report/report.pdf", "signatures/report.pdf"])
def test_of_hundreds_of_random_edits_of_a_pdf_each_is_told_and_ends_nothing(every_kind: Path, name: str) -> None:
    """What reads PDFs and their signatures is other people's code, and may stumble anyhow over what an edit leaves."""
    dice, original = random.Random(20261128), (every_kind / name).read_bytes()
    for number in range(300):
        edit = EDITS[number % len(EDITS)]
        changed = edit(original, dice)
        (every_kind / name).write_bytes(changed if changed != original else original + b"\n")
        assert not verify(every_kind).holds, (number, edit.__name__)
    (every_kind / name).write_bytes(original)
    assert verify(every_kind).holds
