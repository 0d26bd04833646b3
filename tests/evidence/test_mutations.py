"""Any single edit of a signed run is found: a bit, a cut, a swap, a file dropped, added or renamed, at random places."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from validate.errors import EvidenceError
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
    places = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
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


def test_of_a_thousand_random_edits_none_is_missed(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    assert missed(reported, 1000, seed=20261124) == []
    assert verify(reported).holds  # every edit was undone


@pytest.mark.slow
def test_of_ten_thousand_random_edits_none_is_missed(reported: Path, key: Key) -> None:
    sign_run(reported, key, meaning="approved")
    assert missed(reported, 10_000, seed=1) == []
