"""The lock: digests of everything a number depends on, taken before any model has read a case."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from validate import __version__
from validate.canonical import digest, pretty_json, write_atomically
from validate.cohort.case import Cohort
from validate.cohort.reference import reference_digest
from validate.errors import CommandError
from validate.lock.amendment import Amendment, amended
from validate.lock.stored import FROZEN, Lock, lock_digest
from validate.models.adapter import ModelIdentity
from validate.protocol.load import LoadedProtocol
from validate.protocol.passes import Pass
from validate.provenance.clock import utc_now
from validate.provenance.source import source_digest


def make_lock(
    loaded: LoadedProtocol,
    cohort: Cohort,
    models: Mapping[str, ModelIdentity],
    passes: Sequence[Pass],
    *,
    shift: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Lock:
    """Freeze the resolved protocol, cohort manifest, reference table, models, passes and the program itself.

    shift : what stands for the cohort that this one is held against, where the protocol asks for a shift analysis
    Raises DataError when the reference table can't be read.
    """
    reference = reference_digest(loaded.protocol.reference, loaded.base)
    frozen: dict[str, Any] = {
        "protocol": {
            "id": loaded.protocol.id,
            "version": loaded.protocol.version,
            "sha256": digest(loaded.resolved),
            "blocks": _blocks(loaded.resolved),
        },
        "cohort": {"cases": len(cohort.cases), "exclusions": len(cohort.exclusions), "sha256": cohort.digest},
        "reference": {"sha256": reference, **({} if shift is None else {"shift": dict(shift)})},
        "models": {name: _model(identity) for name, identity in sorted(models.items())},
        "passes": [json.loads(json.dumps(dataclasses.asdict(pass_))) for pass_ in passes],
        "program": {"version": __version__, "source_sha256": source_digest()},
    }
    when = clock().astimezone(UTC).isoformat(timespec="seconds")
    return Lock({"schema_version": "1", "locked": when, "lock_sha256": digest(frozen), **frozen})


def _blocks(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """SHA-256 of each block, and of each thing with an id, so that a change can be named and not only noticed."""
    return {name: _parts(value) for name, value in sorted(resolved.items())}


def _parts(value: Any) -> Any:
    named = isinstance(value, list) and value and all(isinstance(part, dict) and "id" in part for part in value)
    return {str(part["id"]): digest(part) for part in value} if named else digest(value)


def _model(identity: ModelIdentity) -> dict[str, str]:
    """What a model is, not where it runs: device and runtime are facts of the run, in its evidence."""
    return {"format": identity.format, "sha256": identity.digest}


def lock_path(protocol: Path) -> Path:
    """cxr.yaml → cxr.lock.json, beside it."""
    return protocol.with_suffix(".lock.json")


def write_lock(lock: Lock, path: Path) -> None:
    """Store it, whole or not at all."""
    write_atomically(path, pretty_json(dict(lock.document)))


def amend_lock(locked: Lock, current: Lock, amendment: Amendment, *, unblinded: bool, actor: str, time: str) -> Lock:
    """The lock that follows. Raises CommandError as `amended` does, and where nothing differs."""
    differences = check_lock(locked, current)
    if not differences:
        raise CommandError("amendment: nothing differs from the lock, so there is nothing to amend; leave --amend out.")
    document = amended(
        locked.document, current.document, differences, amendment, unblinded=unblinded, actor=actor, time=time
    )
    return Lock({**document, "lock_sha256": lock_digest(document)})


def check_lock(locked: Lock, current: Lock) -> tuple[str, ...]:
    """Every difference between what was frozen and what is here now, in words; none means the lock holds."""
    return tuple(line for name in FROZEN for line in _differences(locked.document[name], current.document[name], name))


def _differences(was: Any, now: Any, place: str) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            if key not in was or key not in now:
                yield f"{place}.{key}: {'not in the lock' if key not in was else 'locked, but not here now'}"
            else:
                yield from _differences(was[key], now[key], f"{place}.{key}")
    elif was != now:
        yield f"{place}: locked {_short(was)}, now {_short(now)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
