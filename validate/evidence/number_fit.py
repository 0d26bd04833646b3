"""Whether every number that lies here is the one that comes out when it is computed again, each difference by its address."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from validate.canonical import pointer_step
from validate.errors import ValidateError
from validate.evidence.seal import read_document

TOLERANCE = 1e-9  # relative; counts and words must be equal (architecture.md, promise 6)
REPORTED_DIFFERENCES = 50

Recomputation = Callable[[Path], Mapping[str, Any]]  # run folder → {"estimates.json": document, …}


def number_differences(folder: Path, recompute: Recomputation) -> tuple[list[str], int]:
    try:
        recomputed = recompute(folder)
    except ValidateError as error:
        return [f"recomputation stopped: {error}"], 0
    differences: list[str] = []
    numbers = 0
    for relative, document in recomputed.items():
        stored = read_document(folder, relative)
        for pointer, was, now in _unequal(stored, document, ""):
            differences.append(f"{relative}#{pointer}: stored {_short(was)}, computed again {_short(now)}")
        numbers += sum(1 for _ in _numbers(document))
    if len(differences) > REPORTED_DIFFERENCES:
        rest = len(differences) - REPORTED_DIFFERENCES
        differences = [*differences[:REPORTED_DIFFERENCES], f"… and {rest} more numbers differ"]
    return differences, numbers


def _unequal(stored: Any, computed: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in sorted({*stored, *computed}, key=str):
            escaped = pointer_step(str(key))
            if key in stored and key in computed:
                yield from _unequal(stored[key], computed[key], f"{pointer}/{escaped}")
            else:
                yield f"{pointer}/{escaped}", stored.get(key, "nothing"), computed.get(key, "nothing")
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for index, (was, now) in enumerate(zip(stored, computed, strict=True)):
            yield from _unequal(was, now, f"{pointer}/{index}")
    elif not _equal(stored, computed):
        yield pointer, stored, computed


def _equal(stored: Any, computed: Any) -> bool:
    if isinstance(stored, float) or (isinstance(computed, float) and isinstance(stored, int)):
        return (
            isinstance(computed, int | float)
            and not isinstance(computed, bool)
            and math.isclose(stored, computed, rel_tol=TOLERANCE, abs_tol=1e-12)
        )
    return type(stored) is type(computed) and bool(stored == computed)


def _numbers(document: Any) -> Iterator[int | float]:
    if isinstance(document, dict):
        for value in document.values():
            yield from _numbers(value)
    elif isinstance(document, list):
        for value in document:
            yield from _numbers(value)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield document


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
