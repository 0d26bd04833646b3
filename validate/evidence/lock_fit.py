"""Whether what was run is what was locked: the lock against the protocol, cohort, models, program and trail beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import digest
from validate.errors import EvidenceError
from validate.evidence.seal import read_document
from validate.lock.stored import lock_digest
from validate.provenance.states import TRANSITION

LOCK = "lock.json"
TAKEN = frozenset({"locked", "lock_held", "amended"})


def lock_differences(folder: Path, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """In words, whatever was frozen and is another here; nothing for a run that nobody locked, if its trail says so.

    events : the run's audit trail
    """
    began = any(event["type"] == TRANSITION and event["data"].get("new") == "locked" for event in events)
    if not (folder / LOCK).is_file():
        return [f"{LOCK}: missing, and the audit trail says that this run was locked"] if began else []
    try:
        lock = read_document(folder, LOCK)
        return list(_differences(folder, lock, events))
    except (EvidenceError, KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError, OSError) as error:
        return [f"{LOCK}: can't be held against this run: {type(error).__name__}: {error}"]


def _differences(folder: Path, lock: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    stated = lock["lock_sha256"]
    if stated != lock_digest(lock):
        yield f"{LOCK}: was edited: its content no longer has the digest that it states"
    protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    found: dict[str, tuple[Any, Any]] = {"protocol.yaml": (lock["protocol"]["sha256"], digest(protocol))}
    flow = read_document(folder, "cohort/flow.json")
    found["cohort/flow.json#/cohort_digest"] = (lock["cohort"]["sha256"], flow["cohort_digest"])
    models = read_document(folder, "evidence/models.json")["models"]
    locked = {name: (one["format"], one["sha256"]) for name, one in lock["models"].items()}
    found["evidence/models.json"] = (locked, {name: (one["format"], one["digest"]) for name, one in models.items()})
    program = read_document(folder, "evidence/environment.json")["validate"]
    found["evidence/environment.json#/validate"] = (lock["program"]["source_sha256"], program["source_sha256"])
    if (shift := lock["reference"].get("shift")) is not None:
        told = read_document(folder, "shift/reference.json")
        found["shift/reference.json"] = (shift, {name: told[name] for name in shift})
    yield from (f"{name}: is not what {LOCK} froze" for name, (was, now) in found.items() if was != now)
    yield from _trail_differences(stated, lock["reference"]["sha256"], events)


def _trail_differences(lock: str, reference: str, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, event in enumerate(events):
        data = event["data"]
        named = event["type"] in TAKEN or (event["type"] == TRANSITION and data.get("new") == "locked")
        if named and data.get("lock") != lock:
            yield f"evidence/audit.jsonl: event {number} names another lock than {LOCK}"
        if event["type"] == "unblinded" and data.get("reference") != reference:
            yield f"evidence/audit.jsonl: event {number} names other labels than {LOCK} froze"
