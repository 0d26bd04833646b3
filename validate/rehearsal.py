"""What can be done before a run: freeze the protocol, and try three cases to see what the whole would cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from validate.analyses.run import required_passes
from validate.analyses.shift_columns import fitted
from validate.analyses.shift_reference import read_shift_reference
from validate.catalog import shipped_catalog
from validate.cohort.build import build_cohort
from validate.cohort.privacy import home, site_key
from validate.cohort.reference import check_labels
from validate.estimation.coverage import cohort_warnings
from validate.inference.first_look import input_statistics
from validate.inference.plan import make_plan
from validate.inference.store import read_inference
from validate.lock.amendment import Amendment
from validate.lock.lock import lock_path
from validate.lock.stored import Lock
from validate.locking import current_lock, hold
from validate.models.load import opened_elsewhere, opened_models
from validate.protocol.load import load_protocol
from validate.protocol.passes import CLEAN
from validate.provenance.actor import acting
from validate.provenance.attestation import attest
from validate.provenance.clock import utc_now
from validate.provenance.keys import Key
from validate.provenance.ledger import Ledger
from validate.registry import load as load_plugin
from validate.reporter import Reporter, Silent
from validate.results.join import check_groups


def lock_protocol(
    protocol: str | Path,
    *,
    device: str | None = None,
    amendment: Amendment | None = None,
    actor: str | None = None,
    key: Key | None = None,
    authority: str | None = None,
    reporter: Reporter | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[Path, Lock]:
    """Freeze a protocol beside itself, before anything is run. No model reads a case, no label is read.

    key : signs the lock      authority : URL of an RFC 3161 authority, which says since when it exists
    Raises ProtocolError where it is locked already and something differs.
    """
    loaded, told = load_protocol(Path(protocol), catalog=shipped_catalog()), reporter or Silent()
    who = acting(actor)
    ledger = Ledger(home(), actor=who, clock=clock)
    shift = read_shift_reference(loaded.protocol, loaded.base, site_key=site_key())
    told.stage("Reading the cohort")
    with opened_models(loaded.protocol, loaded.base, device) as models:
        cohort = build_cohort(loaded.protocol, base=loaded.base, site_key=site_key(), progress=told.advance)
        check_groups(loaded.protocol, cohort.cases)
        shift = fitted(loaded.protocol, shift, cohort.cases, site_key=site_key())
        check_labels(loaded.protocol.reference, loaded.base, cohort.cases, geometry=loaded.protocol.cohort.geometry)
        identities = {name: model.identity for name, model in models.items()}
        passes = required_passes(loaded.protocol)
        with opened_elsewhere(loaded.protocol, loaded.base, passes, models, device=device) as elsewhere:
            make_plan(loaded.protocol, cohort, models, passes, elsewhere=elsewhere)  # what can't be run is not frozen
        current = current_lock(loaded, cohort, identities, passes, ledger=ledger, run="", clock=clock, shift=shift)
    lock, done = hold(
        loaded, current, stored=None, amendment=amendment, ledger=ledger, actor=who, clock=clock
    )  # fmt: skip
    path = lock_path(loaded.path)
    if done != "held":
        ledger.append(done, {"lock": lock.digest})
    if key is not None or authority is not None:
        attest(path, key=key, authority=authority, time=clock().isoformat(timespec="seconds"))
    return path, lock


@dataclass(frozen=True, slots=True)
class DryRun:
    """What `validate check` found.

    outputs : (model, case pseudonym, score or reason), three cases a model, as they are
    passes : (model, pass, what came of these cases), of every pass over changed files, images or settings
    inputs : what went into each model that is given arrays: shape, minimum, maximum, mean (first_look.input_statistics)
    raw : by model, minimum, maximum and mean of its numbers before the stated activation
    seconds, megabytes : of the whole run
    """

    cases: int
    exclusions: int
    warnings: tuple[str, ...]
    models: dict[str, dict[str, Any]]
    outputs: tuple[tuple[str, str, str], ...]
    passes: tuple[tuple[str, str, str], ...]
    inputs: tuple[dict[str, Any], ...]
    raw: dict[str, dict[str, float]]
    seconds: float
    megabytes: float


DRY_CASES = 3
BYTES_A_ROW = 120  # of inference shards and results table together, as stored


def dry_run(protocol: str | Path, *, device: str | None = None, reporter: Reporter | None = None) -> DryRun:
    """Schema, sense, data, models, and three cases through every model in a folder that is thrown away."""
    loaded, told = load_protocol(Path(protocol), catalog=shipped_catalog()), reporter or Silent()
    shift = read_shift_reference(loaded.protocol, loaded.base, site_key=site_key())
    told.stage("Reading the cohort")
    with opened_models(loaded.protocol, loaded.base, device) as models, TemporaryDirectory() as scratch:
        cohort = build_cohort(loaded.protocol, base=loaded.base, site_key=site_key(), progress=told.advance)
        check_groups(loaded.protocol, cohort.cases)
        fitted(loaded.protocol, shift, cohort.cases, site_key=site_key())
        check_labels(loaded.protocol.reference, loaded.base, cohort.cases, geometry=loaded.protocol.cohort.geometry)
        few = dataclasses.replace(cohort, cases=cohort.cases[:: max(len(cohort.cases) // DRY_CASES, 1)][:DRY_CASES])
        told.stage("Running three cases")
        passes = required_passes(loaded.protocol)
        with opened_elsewhere(loaded.protocol, loaded.base, passes, models, device=device) as elsewhere:
            plan = make_plan(loaded.protocol, few, models, passes, elsewhere=elsewhere)
            inputs = input_statistics(plan)
            summary = load_plugin("engines", "local").run(plan, out=Path(scratch) / "inference", resume=False)
        rows = read_inference(Path(scratch) / "inference").to_pylist()
        masks = sum(path.stat().st_size for path in (Path(scratch) / "inference").rglob("*.nii.gz"))
    outputs = tuple(
        (row["model"], row["unit"], f"{row['score']:.4f}" if row["status"] == "ok" else f"no output: {row['failure']}")
        for row in rows
        if row["pass"] == CLEAN.id
    )
    total = len(cohort.cases) * max(summary.rows, 1) / max(len(few.cases), 1)
    return DryRun(
        cases=len(cohort.cases),
        exclusions=len(cohort.exclusions),
        warnings=(*loaded.warnings, *cohort_warnings(loaded.protocol, cohort)),
        models={name: dataclasses.asdict(model.identity) for name, model in models.items()},
        outputs=outputs,
        passes=tuple(_passes(rows)),
        inputs=tuple(inputs),
        raw=_raw_statistics(rows),
        seconds=(summary.predict_seconds + summary.decode_seconds / summary.workers) / max(summary.rows, 1) * total,
        megabytes=(total * BYTES_A_ROW + masks * len(cohort.cases) / max(len(few.cases), 1)) / 1e6,
    )


def _passes(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Of every pass but the clean one, in order: how many outputs there are, and why there is none of the others."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["pass"] != CLEAN.id:
            told = "with an output" if row["status"] == "ok" else f"without one: {row['failure']}"
            found.setdefault((row["model"], row["pass"]), []).append(told)
    for (model, pass_id), each in found.items():
        yield model, pass_id, ", ".join(f"{each.count(one)} of {len(each)} {one}" for one in dict.fromkeys(each))


def _raw_statistics(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """By model: what its numbers range over before the stated activation; a model that gave none is not here."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["model"], []).extend(row["raw"] or ())
    return {
        name: {"minimum": min(values), "maximum": max(values), "mean": sum(values) / len(values)}
        for name, values in found.items()
        if values
    }
