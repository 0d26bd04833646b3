"""Any single edit of a signed run is found: a bit, a cut, a swap, a file dropped, added or renamed, at random places."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from validate.errors import EvidenceError
from validate.evidence.bundle import opened_bundle, write_bundle
from validate.evidence.verify import verify
from validate.provenance.keys import Key
from validate.sign_run import sign_run


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
